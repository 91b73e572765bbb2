"""What a collector does beside, a little at a time: bring hosts into new waves, forget what is old."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_fleet.store.faults import StoreError, UnfitRowError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tidegate_fleet.collector.settings import CollectorSettings
    from tidegate_fleet.store.forgetting import Forgetting
    from tidegate_fleet.store.writer import Writer

_PLACE_EACH_S: Final = 60.0
_FORGET_EACH_S: Final = 600.0
_PATIENCE_S: Final = 2.0
LEASE: Final = timedelta(minutes=10)
"""For how long one collector has the forgetting to itself."""


class Upkeep:
    """Turns between batches.

    Args:
        settings: of the collector.
        writer: places hosts.
        forgetting: forgets.
        now: the present moment.
    """

    def __init__(
        self,
        settings: CollectorSettings,
        writer: Writer,
        forgetting: Forgetting,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._forgetting = forgetting
        self._now = now
        self._place_at_s = 0.0
        self._turned_s = time.monotonic()
        self._forget_at_s = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether there is more to be done at once."""
        return self._place_at_s == 0.0

    @property
    def overdue(self) -> bool:
        """Whether there has been no quiet moment for it for long."""
        return time.monotonic() - self._turned_s > _PATIENCE_S

    def placing(self) -> None:
        """A statement came: who is in which wave may have changed."""
        self._place_at_s = 0.0

    def turn(self) -> None:
        """Do a little of what is due. Raises nothing that the store says: it can wait."""
        now_s = self._turned_s = time.monotonic()
        try:
            if now_s >= self._place_at_s and not self._writer.place():
                self._place_at_s = now_s + _PLACE_EACH_S
            if now_s >= self._forget_at_s and not self._forget():
                self._forget_at_s = now_s + _FORGET_EACH_S
        except (StoreError, UnfitRowError) as error:
            logger.warning("{} [{}]; upkeep waits", error.reason, error.code)
            self._place_at_s = self._forget_at_s = now_s + _PLACE_EACH_S

    def _forget(self) -> bool:
        """Forget a little; whether there is more. Another collector may be at it."""
        events, hosts = self._settings.keep_events, self._settings.forget_hosts
        if events is None and hosts is None:
            return False
        return self._forgetting.some(self._now(), self._settings.name, events, hosts, LEASE)
