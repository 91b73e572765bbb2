"""How long an engine waits for a program."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_S: Final = 0.1
"""How often the caller is asked whether it still wants the outcome."""


class TimeUp(Exception):  # noqa: N818 - not a TimeoutError: that is an OSError, which sinks may raise too
    """A program took too long. The text goes into a sentence."""


class Patience:
    """How long the caller waits: in all, and for a sign of progress; and whether it waits at all.

    Args:
        timeout_s: seconds from now to the end.
        stall_s: seconds from one `progressed()` to the next.
        cancelled: asked about every tenth of a second.
    """

    def __init__(self, timeout_s: float, stall_s: float, cancelled: Callable[[], bool]) -> None:
        self._timeout_s, self._stall_s, self._cancelled = timeout_s, stall_s, cancelled
        self._began = self._progressed = time.monotonic()

    def progressed(self) -> None:
        """There was a sign of progress."""
        self._progressed = time.monotonic()

    def look(self) -> float:
        """Seconds until the next look. Raises TimeUp or Cancelled."""
        if self._cancelled():
            raise Cancelled
        now = time.monotonic()
        left = self._began + self._timeout_s - now
        until_stalled = self._progressed + self._stall_s - now
        if left <= 0:
            raise TimeUp(f"it took longer than {self._timeout_s:g} s")
        if until_stalled <= 0:
            raise TimeUp(f"it made no progress for {self._stall_s:g} s")
        return min(left, until_stalled, _LOOK_S)
