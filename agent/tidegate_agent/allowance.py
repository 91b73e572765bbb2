"""How often something may be done within a stretch of time: a bound on what a flood can cause."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

HOUR: Final = timedelta(hours=1)


class Allowance:
    """So many times within a stretch; the next stretch begins with the first use after it."""

    def __init__(self, times: int, every: timedelta = HOUR) -> None:
        self._times = times
        self._every = every
        self._used = 0
        self._since: datetime | None = None

    def take(self, now: datetime) -> bool:
        """Use it once; False when it is used up. A clock that was set back begins a new stretch."""
        if self._since is None or not timedelta(0) <= now - self._since < self._every:
            self._since, self._used = now, 0
        self._used += 1
        return self._used <= self._times
