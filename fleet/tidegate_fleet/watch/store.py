"""Whether what the broker had in store has come. PURE."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

QUIET: Final = timedelta(seconds=2)
"""MQTT does not say when all that was in store has come: it has when nothing came for so long."""


class Store:
    """What the broker retains, as it comes in.

    Attributes:
        connected: whether there is a connection.
    """

    def __init__(self) -> None:
        self.connected = False
        self._last: datetime | None = None

    def connection(self, now: datetime, *, stands: bool) -> None:
        """The connection came to stand, or was lost. With each one it all comes again."""
        self.connected = stands
        if stands:
            self._last = now

    def came(self, now: datetime) -> None:
        """Something of it came."""
        self._last = now

    def loading(self, now: datetime) -> bool:
        """Whether more of it may come."""
        return self.connected and self._last is not None and now - self._last < QUIET
