"""How much is told of refused messages: what an operator needs, and no flood."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

TOLD: Final = 64
"""Distinct refused messages that are reported within EVERY; the rest are only counted."""

EVERY: Final = timedelta(hours=1)
"""How soon as many may be reported again."""


class Refusals:
    """Counts one follow's refused messages since the agent's start."""

    def __init__(self) -> None:
        self.total = 0
        self._told = 0
        self._since: datetime | None = None

    def count(self, now: datetime) -> bool:
        """Count one; whether it is to be told."""
        self.total += 1
        if self._since is None or not timedelta(0) <= now - self._since < EVERY:
            self._since, self._told = now, 0
        self._told += 1
        return self._told <= TOLD

    @property
    def quiet(self) -> bool:
        """Whether the newest one was only counted."""
        return self._told > TOLD

    @property
    def fell_quiet(self) -> bool:
        """Whether the newest one is the first that was only counted."""
        return self._told == TOLD + 1
