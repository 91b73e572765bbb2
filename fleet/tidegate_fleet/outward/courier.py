"""Brings events to one target, in the order in which they were collected, each at least once.

1. the cursor says which event was done with last; the store, what came after it
2. what is not wanted is passed over, and what is too old to be news
3. the rest is brought; the cursor goes on after each request
4. a target that is away is tried again after growing pauses, with jitter, or when it asks to be; one that
   refuses an event for what it is, or several at once, gets them one by one, and goes without what it refuses

Whatever happens to a target, or on this thread, collecting goes on.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from loguru import logger

from tidegate_fleet.outward.targets import AwayError, UnwantedError
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import UpdateEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_fleet.history import EventRecord, History
    from tidegate_fleet.outward.cursor import Cursor
    from tidegate_fleet.outward.targets import Target

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 300.0
LONGEST_ASKED_S: Final = 3600.0
"""A target that asks for a longer pause is asked again sooner."""

LOOK_EVERY_S: Final = 30.0
"""How often the store is looked at without news: another collector may have written there."""

OLD: Final = timedelta(days=3)
"""Events that were collected longer ago are no news any more."""

_READ: Final = 200
_ENDS_WITHIN_S: Final = 2.0


class Ledger(Protocol):
    """Who is told how it goes."""

    def done(self, target: str, outcome: str, count: int) -> None:
        """So many events were `delivered`, `refused` by the target, or `expired`."""
        ...

    def failed(self, target: str) -> None:
        """An attempt failed, and is made again."""
        ...

    def behind(self, target: str, seconds: float) -> None:
        """How long the oldest event that is wanted has been waiting."""
        ...


@dataclass(frozen=True, slots=True)
class Order:
    """What is brought, and how long it is worth it.

    Attributes:
        wanted: whether an event is.
        old: events that were collected longer ago are passed over.
    """

    wanted: Callable[[UpdateEvent], bool]
    old: timedelta = OLD


class Courier:
    """Works on a thread of its own. A tap of the collector: news wake it.

    Args:
        target: where to.
        history: where from.
        cursor: how far.
        order: what.
        ledger: told how it goes.
        now: the present moment.
    """

    def __init__(
        self,
        target: Target,
        history: History,
        cursor: Cursor,
        order: Order,
        ledger: Ledger | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._target = target
        self._history = history
        self._cursor = cursor
        self._order = order
        self._ledger = ledger
        self._now = now
        self._done: int | None = None
        self._singly_to = 0
        self._failures = 0
        self._complaint = ""
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"to {target.name}", daemon=True)

    def prepare(self) -> None:
        """Find out where to go on: at the first time, after what is there already.

        Raises:
            TidegateError: the store does not answer, or the cursor cannot be used.
        """
        newest = self._history.newest_number()
        done = self._cursor.read()
        if done is None:
            done = newest
            self._cursor.write(done)
        elif done > newest:
            # Another store, or one that was begun anew: what is in it was never brought.
            logger.warning("{}: the store was begun anew, and so is what is brought", self._target.name)
            done = 0
        self._done = done

    def start(self) -> None:
        """Begin; `prepare` comes before."""
        self._thread.start()

    def committed(self, events: Sequence[EventRecord], statuses: int) -> None:
        """See the collector's Tap. Returns at once."""
        del statuses
        if events:
            self._news.set()

    def stop(self) -> None:
        """End after the attempt under way, or with the process: what was not delivered is, the next time."""
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(_ENDS_WITHIN_S)

    def step(self) -> float | None:
        """Bring some of what is there.

        Returns:
            How many seconds to wait: 0 when there is more; None when that was all, until there are news.

        Raises:
            TidegateError: the store does not answer, or the cursor cannot be written.
        """
        if self._done is None:
            self.prepare()
        after = self._done or 0
        records = self._history.events_after(after, _READ)
        waiting = self._sorted_out(records)
        self._tell_behind(waiting)
        try:
            if waiting:
                # Up to the first that is to be brought nothing is news: it is counted once.
                self._go_on(
                    max((one.number for one in records if one.number < waiting[0].number), default=after)
                )
            while waiting:
                if done := self._bring(waiting):
                    self._go_on(waiting[done - 1].number)
                waiting = waiting[done:]
        except AwayError as error:
            return self._pause(error)
        if not records:
            return None
        self._go_on(records[-1].number)
        self._tell_behind(())
        return 0.0

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.clear()
            pause = self._guarded()
            if pause is None:
                self._news.wait(LOOK_EVERY_S)
            elif pause:
                self._stopping.wait(pause)

    def _guarded(self) -> float | None:
        try:
            return self.step()
        except TidegateError as error:
            return self._pause(AwayError(str(error)))
        except Exception as error:  # noqa: BLE001 - one fault must not end deliveries for good
            logger.opt(exception=error).error("[{}] {}: unexpected", Code.INTERNAL_ERROR, self._target.name)
            return self._pause(AwayError(f"{type(error).__name__}: {error}"))

    def _sorted_out(self, records: Sequence[EventRecord]) -> list[EventRecord]:
        wanted = [record for record in records if self._order.wanted(record.event)]
        since = self._now() - self._order.old
        news = [record for record in wanted if record.heard >= since]
        if len(news) < len(wanted):
            self._tell("expired", len(wanted) - len(news))
            logger.warning("{}: {} events are too old", self._target.name, len(wanted) - len(news))
        return news

    def _bring(self, waiting: Sequence[EventRecord]) -> int:
        """Bring the first ones; how many of them are done with. Raises AwayError."""
        most = self._target.most if waiting[0].number > self._singly_to else 1
        records = waiting[:most]
        try:
            self._target.deliver(records)
        except UnwantedError as error:
            if len(records) > 1:
                # Each for itself from here on, also after pauses, until these are done with.
                self._singly_to = records[-1].number
                return 0
            self._tell("refused", 1)
            logger.error("{}: event {!r}: {}", self._target.name, records[0].event.id, error.reason)
        else:
            self._tell("delivered", len(records))
        if self._complaint:
            logger.info("{}: events are delivered again", self._target.name)
        self._failures, self._complaint = 0, ""
        return len(records)

    def _go_on(self, number: int) -> None:
        if number != self._done:
            self._cursor.write(number)
            self._done = number

    def _pause(self, error: AwayError) -> float:
        if error.reason != self._complaint:
            logger.warning("{}: {}; it is tried again", self._target.name, error.reason)
        self._complaint = error.reason
        if self._ledger is not None:
            self._ledger.failed(self._target.name)
        ceiling = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * float(2 ** min(self._failures, 16)))
        self._failures += 1
        own = ceiling * (0.5 + random.random() / 2)  # noqa: S311 - spreads load, guards nothing
        return own if error.pause_s is None else min(max(own, error.pause_s), LONGEST_ASKED_S)

    def _tell(self, outcome: str, count: int) -> None:
        if self._ledger is not None:
            self._ledger.done(self._target.name, outcome, count)

    def _tell_behind(self, waiting: Sequence[EventRecord]) -> None:
        if self._ledger is not None:
            oldest = min((record.heard for record in waiting), default=None)
            age = 0.0 if oldest is None else (self._now() - oldest).total_seconds()
            self._ledger.behind(self._target.name, max(0.0, age))
