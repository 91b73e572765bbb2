"""A timer that runs on a fake clock, in the test's own thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.fakes.clock import FakeClock


class FakeTimer:
    """ports.Timer whose alarms ring when the fake clock has passed them, earliest first.

    Attributes:
        alarms: what is set, by name: when, and what is called.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.alarms: dict[str, tuple[datetime, Callable[[], None]]] = {}
        self._clock = clock
        self._stopped = False
        clock.watch(self._ring)

    def wake(self, name: str, at: datetime, call: Callable[[], None]) -> None:
        """Set an alarm; one whose time has passed rings at once."""
        if not self._stopped:
            self.alarms[name] = (at, call)
            self._ring()

    def cancel(self, name: str) -> None:
        """Forget an alarm."""
        self.alarms.pop(name, None)

    def stop(self) -> None:
        """Forget all alarms, for good."""
        self._stopped = True
        self.alarms.clear()

    def _ring(self) -> None:
        while due := [(at, name) for name, (at, _) in self.alarms.items() if at <= self._clock.now()]:
            _, call = self.alarms.pop(min(due)[1])
            call()
