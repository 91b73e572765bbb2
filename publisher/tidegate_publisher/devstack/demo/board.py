"""What is known of the demo at a moment: its steps, the events, the host. Screens draw it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tidegate_publisher.devstack.demo.checklist import TEXTS, Key
from tidegate_publisher.devstack.demo.observation import EventHeard, StatusHeard
from tidegate_publisher.devstack.demo.steps import Progress, StepLine, Steps
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from tidegate_publisher.devstack.demo.observation import Observation


@dataclass(frozen=True, slots=True)
class Picture:
    """The board at one moment."""

    now: float
    steps: tuple[StepLine, ...]
    events: tuple[EventHeard, ...]
    doing: str
    status: HostStatus | None


class Teller(Protocol):
    """Is told what changes, as it changes."""

    def step(self, now: float, line: StepLine) -> None:
        """A step has begun or come to its end."""

    def doing(self, now: float, text: str) -> None:
        """Something is being done."""

    def heard(self, heard: Observation) -> None:
        """The broker passed something on."""


class Silent:
    """Tells nobody."""

    def step(self, now: float, line: StepLine) -> None:
        """See Teller."""

    def doing(self, now: float, text: str) -> None:
        """See Teller."""

    def heard(self, heard: Observation) -> None:
        """See Teller."""


@dataclass(slots=True)
class Board:
    """The demo's state. Thread-safe: the story and the watcher write, a screen reads.

    Attributes:
        clock: seconds since the demo began.
        teller: is told what changes.
    """

    clock: Callable[[], float]
    teller: Teller
    _steps: Steps[Key] = field(default_factory=lambda: Steps(TEXTS))
    _events: list[EventHeard] = field(default_factory=list)
    _status: HostStatus | None = None
    _doing: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def picture(self) -> Picture:
        """All of it, at this moment."""
        with self._lock:
            steps, events = tuple(self._steps.lines.values()), tuple(self._events)
            return Picture(self.clock(), steps, events, self._doing, self._status)

    def begin(self, key: Key) -> None:
        """A step begins."""
        self._set(key, Progress.RUNNING, "")

    def done(self, key: Key, note: str = "") -> None:
        """A step was observed."""
        self._set(key, Progress.DONE, note)

    def fail(self, key: Key, note: str) -> None:
        """A step was not observed."""
        self._set(key, Progress.FAILED, note)

    def do(self, text: str) -> None:
        """Say what is being done."""
        with self._lock:
            self._doing = text
        self.teller.doing(self.clock(), text)

    def hear(self, heard: Observation) -> None:
        """Take in what the broker passed on."""
        with self._lock:
            if isinstance(heard, EventHeard):
                self._events.append(heard)
            elif isinstance(heard, StatusHeard):
                self._status = heard.status
        self.teller.heard(heard)

    def _set(self, key: Key, progress: Progress, note: str) -> None:
        now = self.clock()
        with self._lock:
            line = self._steps.move(key, progress, note, now)
        self.teller.step(now, line)
