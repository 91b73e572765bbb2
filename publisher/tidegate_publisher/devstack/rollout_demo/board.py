"""What is known of the demo at a moment: its steps and the newest sight. Screens draw it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tidegate_publisher.devstack.demo.steps import Progress, StepLine, Steps
from tidegate_publisher.devstack.rollout_demo.checklist import TEXTS, Key
from tidegate_publisher.devstack.rollout_demo.sight import Sight


class Teller(Protocol):
    """Is told what changes, as it changes."""

    def step(self, now: float, line: StepLine) -> None:
        """A step has come to its end."""

    def doing(self, now: float, text: str) -> None:
        """Something is being done."""


@dataclass(slots=True)
class Board:
    """The demo's state.

    Attributes:
        clock: seconds since the demo began.
        tellers: are told what changes.
        steps: how far each is.
        sight: the newest.
        text: what is being done.
        fastest: the most events that were collected in a second, so far.
    """

    clock: Callable[[], float]
    tellers: tuple[Teller, ...] = ()
    steps: Steps[Key] = field(default_factory=lambda: Steps(TEXTS))
    sight: Sight = field(default_factory=Sight)
    text: str = ""
    fastest: float = 0.0
    _measured: tuple[float, int] = (0.0, 0)

    def begin(self, key: Key) -> None:
        """A step begins."""
        self.steps.move(key, Progress.RUNNING, "", self.clock())

    def end(self, key: Key, note: str, *, well: bool) -> None:
        """A step was observed, or was not."""
        now = self.clock()
        line = self.steps.move(key, Progress.DONE if well else Progress.FAILED, note, now)
        for teller in self.tellers:
            teller.step(now, line)

    def do(self, text: str) -> None:
        """Say what is being done."""
        self.text = text
        for teller in self.tellers:
            teller.doing(self.clock(), text)

    def see(self, sight: Sight) -> None:
        """Take in what is seen."""
        self.sight = sight
        now, (then, events) = self.clock(), self._measured
        if now - then >= 1:
            self.fastest = max(self.fastest, (sight.events - events) / (now - then))
            self._measured = now, sight.events

    @property
    def missing(self) -> list[Key]:
        """What was not observed."""
        return self.steps.missing
