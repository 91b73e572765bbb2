"""ports.Timer by APScheduler 3, in memory: after a restart the engine sets its alarms anew from the journal.

APScheduler knows the time of day only, and sleeps for a stretch that it reckons when it falls asleep, on a
clock that stands still during a suspend. So every `NUDGE` both clocks are looked at:

- a moment that has come meanwhile, since the host slept or its clock was set forward, rings now;
- where the two have moved apart, the clock was set: pauses are planned anew, and whoever watches is told.

No alarm is early by the clock that it was set by.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from loguru import logger

from tidegate_agent.adapters.clock_system import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.ports import Clock

NUDGE: Final = timedelta(seconds=30)
"""The longest that an alarm can be late after the clock was set or the host has slept."""

JUMP: Final = timedelta(seconds=5)
"""By how much the clock has to be set for anybody to be told: a leap second is not worth it."""

_AT_ONCE: Final = timedelta(milliseconds=100)
_ONE_PAUSE_S: Final = 0.01

_DEFAULTS: Final = {
    # An alarm that is late is still wanted, however late, and only once.
    "misfire_grace_time": None,
    "coalesce": True,
    # APScheduler silently drops a job whose namesake has not returned yet; a callback may well set its own
    # alarm again, so there must be no such bound.
    "max_instances": 2**31,
}


class ApschedulerTimer:
    """Alarms on APScheduler's own thread; callbacks run one after the other on another.

    Args:
        nudge: how often the clocks are looked at.
        clock: the clocks.
    """

    def __init__(self, nudge: timedelta = NUDGE, clock: Clock | None = None) -> None:
        self._stopped = threading.Event()
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._pauses: dict[str, _Pause] = {}
        self._watchers: list[Callable[[timedelta], None]] = []
        self._apart = self._measure()
        self._scheduler: Any = BackgroundScheduler(
            timezone=UTC, executors={"default": ThreadPoolExecutor(1)}, job_defaults=_DEFAULTS
        )
        self._scheduler.start()
        self._nudger = threading.Thread(
            target=self._keep_nudging, args=(nudge,), name="timer-nudge", daemon=True
        )
        self._nudger.start()

    def wake(self, name: str, at: datetime, call: Callable[[], None]) -> None:
        """Call back when the clock shows that time, or at once. After `stop` nothing happens any more."""
        with self._lock:
            self._pauses.pop(name, None)
            self._plan(name, at.astimezone(UTC), call)

    def after(self, name: str, pause: timedelta, call: Callable[[], None]) -> None:
        """Call back when that much time has passed, whatever is done to the clock meanwhile."""
        with self._lock:
            self._pauses[name] = _Pause(self._clock.elapsed() + pause, call)
            self._plan_pause(name, self._pauses[name])

    def cancel(self, name: str) -> None:
        """Forget an alarm. One that is just ringing may still be heard."""
        with self._lock:
            self._pauses.pop(name, None)
            with suppress(JobLookupError):
                self._scheduler.remove_job(name)

    def watch(self, call: Callable[[timedelta], None]) -> None:
        """Tell whenever the clock was set, and by how much."""
        with self._lock:
            self._watchers.append(call)

    def stop(self) -> None:
        """Forget all alarms and end the threads, after a callback that is running. Idempotent."""
        with self._lock:
            if self._stopped.is_set():
                return
            self._stopped.set()
        self._nudger.join()
        # Its thread may be about to take an alarm that has just rung off its list, and breaks if the list is
        # gone by then: no new round, and the end of the one under way, before the scheduler itself ends.
        self._scheduler.pause()
        self._scheduler.remove_all_jobs()
        self._scheduler.shutdown(wait=True)

    def _plan(self, name: str, at: datetime, call: Callable[[], None]) -> None:
        if not self._stopped.is_set():
            self._scheduler.add_job(call, "date", run_date=at, id=name, name=name, replace_existing=True)

    def _plan_pause(self, name: str, pause: _Pause) -> None:
        left = max(pause.ends - self._clock.elapsed(), timedelta(0))
        self._plan(name, self._clock.now() + left, lambda: self._ring(name, pause))

    def _ring(self, name: str, pause: _Pause) -> None:
        """On the thread of callbacks: the clock says that a pause is over, which it need not be."""
        with self._lock:
            if self._pauses.get(name) is not pause:
                return
            if self._clock.elapsed() < pause.ends:
                self._plan_pause(name, pause)
                return
            del self._pauses[name]
        pause.call()

    def _keep_nudging(self, nudge: timedelta) -> None:
        while not self._stopped.wait(nudge.total_seconds()):
            self._look()
            self._scheduler.wakeup()

    def _look(self) -> None:
        apart = self._measure()
        by = apart - self._apart
        if abs(by) < JUMP:
            return
        self._apart = apart
        logger.warning("the clock was set {} by {}", "back" if by < timedelta(0) else "forward", abs(by))
        with self._lock:
            for name, pause in self._pauses.items():
                self._plan_pause(name, pause)
            watchers = tuple(self._watchers)
        for watcher in watchers:
            watcher(by)

    def _measure(self) -> timedelta:
        """How far the time of day is ahead of the time since the boot."""
        while True:
            before = self._clock.elapsed()
            now = self._clock.now()
            # A process that is stopped between the two readings must not take that for a change of clocks.
            if self._clock.elapsed() - before < _AT_ONCE:
                return now - _EPOCH - before
            self._stopped.wait(_ONE_PAUSE_S)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Pause:
    """An alarm by the time that passes: when it ends by `Clock.elapsed`, and what is called then."""

    def __init__(self, ends: timedelta, call: Callable[[], None]) -> None:
        self.ends = ends
        self.call = call
