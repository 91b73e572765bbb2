"""Asking the broker for the retained statements again: the queue is a courtesy, retained is the truth."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from loguru import logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate_agent.mailbox import Mailbox
    from tidegate_agent.ports import Bus
    from tidegate_agent.surroundings import Surroundings

EVERY: Final = timedelta(hours=6)
"""How often it is asked without a reason."""

IN_A_FLOOD: Final = timedelta(seconds=3)
"""How long a topic is not listened to that brings messages faster than they can be read."""


AFTER_A_DOUBT: Final = timedelta(minutes=10)
"""How soon it is asked again for what was refused for a reason that may pass: a wrong clock, say."""


class Reconciliation:
    """Runs on the engine's thread."""

    def __init__(self, around: Surroundings, bus: Bus) -> None:
        self._around = around
        self._bus = bus
        self._mailboxes: Mapping[str, Mailbox] = {}
        self._missed: dict[str, int] = {}
        self._muted = False
        self._calm_after = around.clock.elapsed()
        self._reopened = 0
        self._doubtful = False

    def begin(self) -> None:
        """Ask from now on, every few hours."""
        pause = EVERY + self._around.splay()
        self._around.timer.after("reconcile", pause, lambda: self._around.post(self._again))

    def make_good(self, mailboxes: Mapping[str, Mailbox]) -> None:
        """Ask for what may be genuine and was not taken up; the mailboxes are given by their topics.

        A topic that brings messages faster than they can be read is not listened to for a moment, and then
        asked for what is retained: that comes before the rest, and no flood pushes it out of the mailbox. So
        a flood is heard for the blink of an eye each time, and costs the host no more than that. And a while
        after a refusal for a reason that may pass, all is asked for again.
        """
        self._mailboxes = mailboxes
        self._settle_doubts(sum(box.reopened for box in mailboxes.values()))
        dropped = self._dropped()
        flooded = [topic for topic, count in dropped.items() if count != self._missed.get(topic, 0)]
        if not flooded or self._muted:
            return
        self._muted = True
        self._warn(flooded)
        self._bus.mute(flooded)
        self._around.timer.after("in a flood", IN_A_FLOOD, lambda: self._around.post(self._listen_again))

    def _listen_again(self) -> None:
        self._muted = False
        # What came after the topic was muted had been on its way.
        self._missed = self._dropped()
        self._calm_after = self._around.clock.elapsed() + IN_A_FLOOD
        self._bus.resubscribe()

    def _dropped(self) -> dict[str, int]:
        return {topic: box.dropped for topic, box in self._mailboxes.items()}

    def _warn(self, flooded: Sequence[str]) -> None:
        """Once for each flood: it goes on when the topic is asked for again."""
        if self._around.clock.elapsed() >= self._calm_after:
            logger.warning(
                "messages on {} come faster than they can be read: from now on only what is retained is"
                " asked for, every {:g} s, until it is over",
                " and ".join(flooded),
                IN_A_FLOOD.total_seconds(),
            )

    def _settle_doubts(self, reopened: int) -> None:
        # One alarm at a time, and never put off: whoever repeats an old message would delay it for ever.
        if reopened != self._reopened and not self._doubtful:
            self._doubtful = True
            timer, post = self._around.timer, self._around.post
            timer.after("after a doubt", AFTER_A_DOUBT, lambda: post(self._ask_again))
        self._reopened = reopened

    def _ask_again(self) -> None:
        self._doubtful = False
        self._bus.resubscribe()

    def clock_set(self) -> None:
        """Ask at once for what was refused because of the time, perhaps."""
        if self._doubtful:
            self._around.timer.cancel("after a doubt")
            self._ask_again()

    def _again(self) -> None:
        self._bus.resubscribe()
        self.begin()
