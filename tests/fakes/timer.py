"""A timer that runs on a fake clock, in the test's own thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from tests.fakes.clock import FakeClock


class FakeTimer:
    """ports.Timer whose alarms ring when the fake clock has passed them, earliest first."""

    def __init__(self, clock: FakeClock) -> None:
        self._moments: dict[str, tuple[datetime, Callable[[], None]]] = {}
        self._pauses: dict[str, tuple[timedelta, Callable[[], None]]] = {}
        self._watchers: list[Callable[[timedelta], None]] = []
        self._clock = clock
        self._stopped = False
        clock.watch(self._changed)

    @property
    def alarms(self) -> dict[str, tuple[datetime, Callable[[], None]]]:
        """What is set, by name: when it rings, if nobody sets the clock, and what is called."""
        now, elapsed = self._clock.now(), self._clock.elapsed()
        pauses = {name: (now + (ends - elapsed), call) for name, (ends, call) in self._pauses.items()}
        return self._moments | pauses

    def wake(self, name: str, at: datetime, call: Callable[[], None]) -> None:
        """Set an alarm; one whose time has passed rings at once."""
        if not self._stopped:
            self._pauses.pop(name, None)
            self._moments[name] = (at, call)
            self._ring()

    def after(self, name: str, pause: timedelta, call: Callable[[], None]) -> None:
        """Set an alarm by the time that passes."""
        if not self._stopped:
            self._moments.pop(name, None)
            self._pauses[name] = (self._clock.elapsed() + pause, call)
            self._ring()

    def cancel(self, name: str) -> None:
        """Forget an alarm."""
        self._moments.pop(name, None)
        self._pauses.pop(name, None)

    def watch(self, call: Callable[[timedelta], None]) -> None:
        """Tell whenever the clock was set."""
        self._watchers.append(call)

    def stop(self) -> None:
        """Forget all alarms, for good."""
        self._stopped = True
        self._moments.clear()
        self._pauses.clear()
        self._watchers.clear()

    def _changed(self, by: timedelta) -> None:
        self._ring()
        if by:
            for watcher in tuple(self._watchers):
                watcher(by)

    def _ring(self) -> None:
        while due := [(at, name) for name, (at, _) in self.alarms.items() if at <= self._clock.now()]:
            name = min(due)[1]
            _, call = self._moments.pop(name, None) or self._pauses.pop(name)
            call()
