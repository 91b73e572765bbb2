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

    Attributes:
        in_step: whether something keeps it in step with the world's time.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 5, 12, tzinfo=UTC)) -> None:
        self._now = start.astimezone(UTC)
        self._elapsed = timedelta(minutes=1)
        self._watchers: list[Callable[[timedelta], None]] = []
        self.in_step = True

    def now(self) -> datetime:
        """The moment that the test has set."""
        return self._now

    def elapsed(self) -> timedelta:
        """All the time that the test has let pass."""
        return self._elapsed

    def synchronised(self) -> bool:
        """What the test says."""
        return self.in_step

    def advance(self, by: timedelta) -> None:
        """Let time pass; alarms that fall due meanwhile ring when it has passed."""
        self._elapsed += by
        self._move(self._now + by, timedelta(0))

    def set(self, moment: datetime) -> None:
        """Set the clock, forward or back, as an administrator or NTP does: no time passes."""
        self._move(moment.astimezone(UTC), moment - self._now)

    def boot(self) -> None:
        """The host is started anew: the time since the boot begins again."""
        self._elapsed = timedelta(seconds=20)

    def watch(self, watcher: Callable[[timedelta], None]) -> None:
        """Be told of every change, and by how much the clock was set; by nothing where time has passed."""
        self._watchers.append(watcher)

    def _move(self, now: datetime, by: timedelta) -> None:
        self._now = now
        for watcher in list(self._watchers):
            watcher(by)
