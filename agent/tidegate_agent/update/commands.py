"""What the machine wants done, and where it goes. Every command is safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tidegate_agent.model import Failure
from tidegate_agent.update.states import State, Target, Update, Wait
from tidegate_schemas.events import Step


@dataclass(frozen=True, slots=True)
class Verify:
    """Have the message verified and admitted; answer Admitted or Refused."""

    announcement: str


@dataclass(frozen=True, slots=True)
class Assess:
    """Look at what stands in the way of the next step; answer Assessed."""

    target: Target
    to_activate: bool


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Answer Woken when the clock shows that time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class WakeAfter:
    """Answer Woken when that much time has passed, however the clock is set meanwhile."""

    pause: timedelta


@dataclass(frozen=True, slots=True)
class Stage:
    """Have the engine stage the target; answer Progressed, StageDone or StageFailed."""

    target: Target


@dataclass(frozen=True, slots=True)
class CancelStage:
    """Stop staging soon; no answer is awaited."""


@dataclass(frozen=True, slots=True)
class Discard:
    """Have the engine drop what is staged."""


@dataclass(frozen=True, slots=True)
class Activate:
    """Have the engine activate the staged image; answer Activated or ActivateFailed."""

    digest: str


@dataclass(frozen=True, slots=True)
class Reboot:
    """Reboot the host, or its userspace alone; answer ActivateFailed if that is refused."""

    reason: str
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Disarm:
    """Stand the boot guard down: nothing that it should watch over is expected any more."""


@dataclass(frozen=True, slots=True)
class Prove:
    """Run one round of health checks; answer Proved."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """Have the engine return to that image; answer RolledBack or RollbackFailed."""

    digest: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Never stage this digest again on this host. Journalled with the new state."""

    digest: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the fleet. Journalled with the new state, sent until the broker has it.

    `note` is what there is to say of a step that neither failed nor waits.
    """

    step: Step
    update: Update
    failure: Failure | None = None
    wait: Wait | None = None
    percent: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ReportRefusal:
    """Tell the fleet that a message was refused. Once for each distinct fault."""

    announcement: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class Recheck:
    """Look again at the channel's newest message, which was set aside while nothing could supersede."""


@dataclass(frozen=True, slots=True)
class ReportNonsense:
    """An event came that makes no sense in this state. Logged, otherwise ignored."""

    state: str
    event: str


Command = (
    Verify
    | Assess
    | WakeAt
    | WakeAfter
    | Stage
    | CancelStage
    | Discard
    | Activate
    | Reboot
    | Disarm
    | Prove
    | Rollback
    | Quarantine
    | Report
    | ReportRefusal
    | Recheck
    | ReportNonsense
)


@dataclass(frozen=True, slots=True)
class Transition:
    """Where the machine goes, and what is to be done. Reports are journalled with the state."""

    state: State
    commands: tuple[Command, ...] = field(default=())
