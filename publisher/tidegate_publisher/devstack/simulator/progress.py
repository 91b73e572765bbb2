"""Where a simulated update can stand, and what a host remembers of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.statement import ChannelStatement


class Stage(StrEnum):
    """As the agent's states; the word is that of the status."""

    IDLE = "idle"
    WAITING = "waiting"
    STAGING = "staging"
    STAGED = "staged"
    ACTIVATING = "activating"
    REBOOTING = "rebooting"
    PROVING = "proving"
    ROLLING_BACK = "rolling-back"
    SETTLED = "settled"

    @property
    def committed(self) -> bool:
        """Whether activation has begun, and nothing supersedes any more."""
        return self in {Stage.ACTIVATING, Stage.REBOOTING, Stage.PROVING, Stage.ROLLING_BACK}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something did not happen."""

    code: Code
    reason: str
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """Why an update does not go on; `reason` is the agent's word (`hold`, `wave`, `window`, `statement`)."""

    reason: str
    text: str
    until: datetime | None = None


@dataclass(slots=True)
class Update:
    """One attempt to bring a release onto the host. `previous` is what ran when it began."""

    target: ChannelStatement
    attempt: int
    previous: str | None
    marks: list[tuple[Step, datetime]] = field(default_factory=list)
    bytes_fetched: int = 0
    quarter: int = 0
    window_over: bool = False

    @property
    def digest(self) -> str:
        """The image."""
        return self.target.digest

    @property
    def version(self) -> str:
        """Its name for people."""
        return self.target.predicate.version

    def durations(self, now: datetime) -> dict[str, float]:
        """Seconds spent in each step so far, and in all; a step that came twice is summed up."""
        spent: dict[str, float] = {}
        ends = [began for _, began in self.marks[1:]] + [now]
        for (step, began), ended in zip(self.marks, ends, strict=True):
            if not step.final:
                spent[step.value] = round(spent.get(step.value, 0) + (ended - began).total_seconds(), 3)
        if self.marks:
            spent["total"] = round((now - self.marks[0][1]).total_seconds(), 3)
        return spent


@dataclass(slots=True)
class Images:
    """What lies on the host's disk, and which versions it knows by name."""

    current: str
    staged: str | None = None
    previous: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
