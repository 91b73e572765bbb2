"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeClock:
    """ports.Clock under a test's hand.

    Args:
        start: the first moment, aware.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 5, 12, tzinfo=UTC)) -> None:
        self._now = start.astimezone(UTC)
        self._watchers: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """The moment that the test has set."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Let time pass; alarms that fall due meanwhile ring when it has passed."""
        self.set(self._now + by)

    def set(self, moment: datetime) -> None:
        """Set the clock, forward or back, as an administrator or NTP does."""
        self._now = moment.astimezone(UTC)
        for watcher in list(self._watchers):
            watcher()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Be told whenever the time has changed."""
        self._watchers.append(watcher)
