"""Keeping the trusted root fresh, and telling when it ends. Never in the way of a statement.

Runs on the engine's thread; the refresh itself runs on a worker of its own. A refresh that fails changes
nothing, is logged once for each reason, and is tried again after a pause with full jitter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent import root_watch
from tidegate_agent.model import Failure
from tidegate_agent.operations import failure_of
from tidegate_agent.reporting import trust_status
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.ports import RootKeeper
    from tidegate_agent.root_watch import RootInForce
    from tidegate_agent.surroundings import Surroundings
    from tidegate_schemas.status import TrustStatus

FIRST_WITHIN: Final = timedelta(minutes=15)
"""The first refresh is at a random moment within this time, so that a fleet does not ask as one."""

SHORTEST_PAUSE: Final = timedelta(minutes=5)
"""Before a refresh that failed is tried again."""

LOOK_EVERY: Final = timedelta(hours=1)
"""How often the root in force is looked at: a person may have replaced it, and days pass."""

TOLD_AGAIN_AFTER: Final = timedelta(days=1)
"""How often the same warning is logged."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the root is kept.

    Attributes:
        every: the time between two refreshes; None when there is nowhere to refresh from.
        warn_before: how long before it ends that is told.
        random: uniform in [0, 1).
        refreshing: runs a slow call elsewhere.
    """

    every: timedelta | None
    warn_before: timedelta
    random: Callable[[], float]
    refreshing: Callable[[Callable[[], None]], object]


class TrustUpkeep:
    """The trusted root of a host, over time."""

    def __init__(self, keeper: RootKeeper, around: Surroundings, plan: Plan) -> None:
        self._keeper = keeper
        self._around = around
        self._plan = plan
        self._root: RootInForce | None = None
        self._failure: Failure | None = None
        self._under_way = False
        self._ceiling = SHORTEST_PAUSE
        self._told: dict[str, datetime] = {}
        self._changed: Callable[[], None] = lambda: None

    def begin(self, changed: Callable[[], None]) -> None:
        """See to the root from now on; `changed` is called when another one takes over."""
        self._look()
        self._changed = changed
        if self._plan.every is not None and self._root is not None:
            self._refresh_after(min(FIRST_WITHIN, self._plan.every) * self._plan.random())

    def refresh(self) -> None:
        """Begin a refresh now, unless one is under way; returns at once."""
        if self._under_way:
            return
        self._under_way = True
        now = self._around.latest_known()

        def work() -> None:
            outcome = self._outcome(now)
            self._around.post(lambda: self._finish(outcome))

        self._plan.refreshing(work)

    def status(self) -> TrustStatus:
        """What the fleet is told."""
        return trust_status(self._root, self._failure, self._warnings())

    def _outcome(self, now: datetime) -> RootInForce | Failure:
        try:
            return self._keeper.refresh(now)
        except TidegateError as error:
            return Failure(error.code, error.reason)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the root before stays, and it is tried again
            return failure_of(error, Code.TRUST_REFRESH_FAILED)

    def _finish(self, outcome: RootInForce | Failure) -> None:
        self._under_way = False
        if isinstance(outcome, Failure):
            self._failed(outcome)
        else:
            self._failure = None
            self._ceiling = SHORTEST_PAUSE
            self._stand(outcome)
        if self._plan.every is not None:
            self._refresh_after(self._pause(self._plan.every))
        self._tell()

    def _failed(self, failure: Failure) -> None:
        if self._plan.every is None:
            self._root = None  # a file is read anew for each message: there is no root before
        if failure != self._failure:
            kept = "the root before stays in force" if self._root else "every statement is refused"
            logger.warning("[{}] {}; {}", failure.code, failure.reason, kept)
        self._failure = failure

    def _pause(self, every: timedelta) -> timedelta:
        if self._failure is None:
            # Between three quarters and the whole: hosts that began together drift apart.
            return every * (1 - self._plan.random() / 4)
        shortest = min(SHORTEST_PAUSE, every)
        self._ceiling = min(self._ceiling * 2, every)
        return max(shortest, self._ceiling * self._plan.random())

    def _refresh_after(self, pause: timedelta) -> None:
        self._around.timer.after("refresh the root", pause, lambda: self._around.post(self.refresh))

    def _look(self) -> None:
        """Read what is in force; by itself it changes where a person replaces a file, or a disk fails."""
        self._around.timer.after("look at the root", LOOK_EVERY, lambda: self._around.post(self._look))
        try:
            self._stand(self._keeper.look(self._around.latest_known()))
        except TidegateError as error:
            self._missing(Failure(error.code, error.reason))
        else:
            if self._failure is not None and self._failure.code is Code.TRUST_ROOT_MISSING:
                self._failure = None
        self._tell()

    def _missing(self, failure: Failure) -> None:
        self._root = None
        if self._plan.every is None:
            self._failed(failure)
        elif self._failure is None:  # else the next attempt is planned already
            self._failed(failure)
            self.refresh()

    def _stand(self, root: RootInForce) -> None:
        before, self._root = self._root, root
        if before is None or before.digest != root.digest:
            logger.info("the trusted root in force is {} from {}", root.digest, root.origin)
            self._changed()

    def _warnings(self) -> tuple[str, ...]:
        if self._root is None:
            return ()
        plan = self._plan
        return root_watch.warnings(self._root, self._around.latest_known(), plan.warn_before, plan.every)

    def _tell(self) -> None:
        now = self._around.clock.now()
        current = self._warnings()
        self._told = {text: at for text, at in self._told.items() if text in current}
        for text in current:
            last = self._told.get(text)
            # A clock that was set back must not silence a warning for long.
            if last is None or not timedelta(0) <= now - last < TOLD_AGAIN_AFTER:
                logger.warning("[{}] {}", Code.TRUST_EXPIRES, text)
                self._told[text] = now
