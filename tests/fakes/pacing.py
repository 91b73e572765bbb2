"""Time that passes only when a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field

from tidegate_wire.registry.pacing import Pacing
from tidegate_wire.registry.settings import Limits


@dataclass
class FakeTime:
    """A clock that moves by `step` whenever it is read, and by what is slept.

    Attributes:
        now: monotonic seconds.
        step: seconds that each reading takes.
        slept: all pauses.
    """

    now: float = 1000.0
    step: float = 0.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        self.now += self.step
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def pacing(self, limits: Limits | None = None) -> Pacing:
        """Pacing by this clock, with the longest pauses that chance could give."""
        return Pacing(limits or Limits(), sleep=self.sleep, random=lambda: 1.0, clock=self.clock)
