"""Asking the broker for the retained statements again: the queue is a courtesy, retained is the truth."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from loguru import logger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_agent.mailbox import Mailbox
    from tidegate_agent.ports import Bus
    from tidegate_agent.surroundings import Surroundings

EVERY: Final = timedelta(hours=6)
"""How often it is asked without a reason."""

AFTER_A_FLOOD: Final = timedelta(seconds=15)
"""The shortest time between two questions that floods cause: nobody shall drive us in circles."""


AFTER_A_DOUBT: Final = timedelta(minutes=10)
"""How soon it is asked again for what was refused for a reason that may pass: a wrong clock, say."""


class Reconciliation:
    """Runs on the engine's thread."""

    def __init__(self, around: Surroundings, bus: Bus) -> None:
        self._around = around
        self._bus = bus
        self._missed = 0
        self._not_before = around.clock.now()
        self._reopened = 0
        self._doubtful = False

    def begin(self) -> None:
        """Ask from now on, every few hours."""
        at = self._around.clock.now() + EVERY + self._around.splay()
        self._around.timer.wake("reconcile", at, lambda: self._around.post(self._again))

    def make_good(self, mailboxes: Iterable[Mailbox]) -> None:
        """Ask for what may be genuine and was not taken up.

        Once a flood is worked off: it may have pushed the statement out unread. And a while after a refusal
        for a reason that may pass.
        """
        boxes = tuple(mailboxes)
        self._settle_doubts(sum(box.reopened for box in boxes))
        missed = sum(box.dropped for box in boxes)
        if missed == self._missed or not all(box.empty for box in boxes):
            return
        logger.warning(
            "{} messages went unread in a flood; asking for what is retained", missed - self._missed
        )
        self._missed = missed
        now = self._around.clock.now()
        # A clock that was set back must not put the question off for long.
        at = min(max(now, self._not_before), now + AFTER_A_FLOOD)
        self._not_before = at + AFTER_A_FLOOD
        self._around.timer.wake("after a flood", at, lambda: self._around.post(self._bus.resubscribe))

    def _settle_doubts(self, reopened: int) -> None:
        # One alarm at a time, and never put off: whoever repeats an old message would delay it for ever.
        if reopened != self._reopened and not self._doubtful:
            self._doubtful = True
            at = self._around.clock.now() + AFTER_A_DOUBT
            self._around.timer.wake("after a doubt", at, lambda: self._around.post(self._ask_again))
        self._reopened = reopened

    def _ask_again(self) -> None:
        self._doubtful = False
        self._bus.resubscribe()

    def _again(self) -> None:
        self._bus.resubscribe()
        self.begin()
