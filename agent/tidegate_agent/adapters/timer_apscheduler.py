"""ports.Timer by APScheduler 3, in memory: after a restart the engine sets its alarms anew from the journal.

Jumps of the system's clock: APScheduler sleeps for a stretch that it reckons when it falls asleep, on a clock
that stands still during a suspend. So a nudge every `NUDGE` makes it look at the time again, which bounds how
late an alarm can be after the clock was set or the machine slept. It is never early by the clock it looks at.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

if TYPE_CHECKING:
    from collections.abc import Callable

NUDGE: Final = timedelta(seconds=30)
"""The longest that an alarm can be late after the clock was set forward."""

_DEFAULTS: Final = {
    # An alarm that is late is still wanted, however late, and only once.
    "misfire_grace_time": None,
    "coalesce": True,
    # APScheduler silently drops a job whose namesake has not returned yet; a callback may well set its own
    # alarm again, so there must be no such bound.
    "max_instances": 2**31,
}


class ApschedulerTimer:
    """Alarms on APScheduler's own thread; callbacks run one after the other on another."""

    def __init__(self, nudge: timedelta = NUDGE) -> None:
        self._stopped = threading.Event()
        self._scheduler: Any = BackgroundScheduler(
            timezone=UTC, executors={"default": ThreadPoolExecutor(1)}, job_defaults=_DEFAULTS
        )
        self._scheduler.start()
        self._nudger = threading.Thread(
            target=self._keep_nudging, args=(nudge,), name="timer-nudge", daemon=True
        )
        self._nudger.start()

    def wake(self, name: str, at: datetime, call: Callable[[], None]) -> None:
        """Call back at that time, or at once if it has passed. After `stop` nothing happens any more."""
        if not self._stopped.is_set():
            self._scheduler.add_job(
                call, "date", run_date=at.astimezone(UTC), id=name, name=name, replace_existing=True
            )

    def cancel(self, name: str) -> None:
        """Forget an alarm. One that is just ringing may still be heard."""
        with suppress(JobLookupError):
            self._scheduler.remove_job(name)

    def stop(self) -> None:
        """Forget all alarms and end the threads, after a callback that is running. Idempotent."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._nudger.join()
        # Its thread may be about to take an alarm that has just rung off its list, and breaks if the list is
        # gone by then: no new round, and the end of the one under way, before the scheduler itself ends.
        self._scheduler.pause()
        self._scheduler.remove_all_jobs()
        self._scheduler.shutdown(wait=True)

    def _keep_nudging(self, nudge: timedelta) -> None:
        while not self._stopped.wait(nudge.total_seconds()):
            self._scheduler.wakeup()
