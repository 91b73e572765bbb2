"""The nouns of the update machine: its states, the events it hears, the commands it gives.

Each state carries exactly its own data, so that a wrong combination cannot be written down. `machine.step`
moves between them; the journal stores them as JSON, told apart by `kind`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from tidegate_agent.model import Failure, Health, ImageStatus
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, Urgency


@dataclass(frozen=True, slots=True)
class Target:
    """What an admitted statement asks for."""

    digest: str
    sequence: int
    version: str
    references: tuple[str, ...]
    expires: datetime
    rollout: Rollout
    urgency: Urgency = Urgency.ROUTINE
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """One attempt to bring a target onto the host.

    `attempt` grows with every try at staging, `reboots` with every reboot that should have brought the
    target. `previous`, `previous_sequence` and `boot_id` are what was the case when the update began;
    `marks` says when each step began, in order.
    """

    target: Target
    attempt: int
    previous: str | None
    boot_id: str
    previous_sequence: int = 0
    reboots: int = 0
    bytes_fetched: int = 0
    marks: tuple[tuple[Step, datetime], ...] = ()


class WaitFor(StrEnum):
    """What an update can wait for."""

    STATEMENT = "statement"
    HOLD = "hold"
    WAVE = "wave"
    WINDOW = "window"
    APPROVAL = "approval"
    INHIBITOR = "inhibitor"
    TURN = "turn"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Wait:
    """Why an update does not go on now. `until` is None where no clock can tell."""

    reason: WaitFor
    text: str
    until: datetime | None = None


class Outcome(StrEnum):
    """How an update ended."""

    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled-back"


# States


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing has been asked of this host yet."""

    kind: Literal["idle"] = "idle"


@dataclass(frozen=True, slots=True)
class Settled:
    """The last update ended; nothing is in progress."""

    update: Update
    outcome: Outcome
    failure: Failure | None = None
    kind: Literal["settled"] = "settled"


@dataclass(frozen=True, slots=True)
class Verifying:
    """A message was heard while the host was at rest. `before` is where a refusal leads back to."""

    announcement: str
    before: Idle | Settled
    kind: Literal["verifying"] = "verifying"


@dataclass(frozen=True, slots=True)
class Waiting:
    """The target is admitted; something forbids to stage it yet. `wait` is None until that was looked at."""

    update: Update
    wait: Wait | None = None
    kind: Literal["waiting"] = "waiting"


@dataclass(frozen=True, slots=True)
class Staging:
    """The engine fetches the image and lays it out."""

    update: Update
    percent: int = 0
    kind: Literal["staging"] = "staging"


@dataclass(frozen=True, slots=True)
class Staged:
    """The image lies ready; something forbids to activate it yet."""

    update: Update
    wait: Wait | None = None
    kind: Literal["staged"] = "staged"


@dataclass(frozen=True, slots=True)
class Activating:
    """The engine makes the staged image the next one to run. From here on nothing supersedes."""

    update: Update
    kind: Literal["activating"] = "activating"


@dataclass(frozen=True, slots=True)
class Rebooting:
    """A reboot into the target was asked for."""

    update: Update
    kind: Literal["rebooting"] = "rebooting"


@dataclass(frozen=True, slots=True)
class Proving:
    """The target runs and has to show that it is healthy.

    `round` counts from 1; between two rounds `checking` is False and an alarm is awaited.
    """

    update: Update
    round: int = 1
    checking: bool = True
    kind: Literal["proving"] = "proving"


@dataclass(frozen=True, slots=True)
class RollingBack:
    """The host returns to the image `back_to`, because of `cause`."""

    update: Update
    back_to: str
    cause: Failure
    kind: Literal["rolling-back"] = "rolling-back"


Resting = Idle | Settled
Active = Waiting | Staging | Staged | Activating | Rebooting | Proving | RollingBack
State = Resting | Verifying | Active


# Events


@dataclass(frozen=True, slots=True)
class Restarted:
    """The agent started. The engine's truth is compared with the journal's."""

    image: ImageStatus
    boot_id: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A message came on the channel's topic. `announcement` names it (SHA-256 of its bytes)."""

    announcement: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The message is false, stale or not for this host."""

    announcement: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class Known:
    """The message is genuine, and was acted upon before."""

    announcement: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """The message is genuine, fresh and newer than all before it."""

    announcement: str
    target: Target
    attempt: int
    image: ImageStatus
    boot_id: str
    installed_sequence: int = 0
    unfit: Failure | None = None


@dataclass(frozen=True, slots=True)
class Assessed:
    """What stands in the way of the next step now; None where nothing does."""

    wait: Wait | None


@dataclass(frozen=True, slots=True)
class Woken:
    """An alarm went off, or something changed that the update may wait for."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """Staging got on."""

    digest: str
    percent: int
    bytes_fetched: int


@dataclass(frozen=True, slots=True)
class StageDone:
    """The engine staged an image. `found` is the digest it reports, `asked` the one it was told."""

    asked: str
    found: str
    bytes_fetched: int


@dataclass(frozen=True, slots=True)
class StageFailed:
    """The engine could not stage."""

    asked: str
    failure: Failure
    retryable: bool


@dataclass(frozen=True, slots=True)
class Activated:
    """The engine activated the staged image; it runs now or after a reboot."""

    reboot_required: bool


@dataclass(frozen=True, slots=True)
class ActivateFailed:
    """The engine could not activate, or the reboot was refused."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Proved:
    """One round of health checks is over."""

    health: Health


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The engine went back; the previous image runs now or after a reboot."""

    reboot_required: bool


@dataclass(frozen=True, slots=True)
class RollbackFailed:
    """The engine could not go back."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """A person wants the update dropped."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class RollbackRequested:
    """A person wants the previous image back."""

    failure: Failure


Event = (
    Restarted
    | Heard
    | Refused
    | Known
    | Admitted
    | Assessed
    | Woken
    | Progressed
    | StageDone
    | StageFailed
    | Activated
    | ActivateFailed
    | Proved
    | RolledBack
    | RollbackFailed
    | CancelRequested
    | RollbackRequested
)


# Commands


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
    """Answer Woken at that time."""

    at: datetime


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
    """Reboot the host; answer ActivateFailed if that is refused."""

    reason: str


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
    """Tell the fleet. Journalled with the new state, sent until the broker has it."""

    step: Step
    update: Update
    failure: Failure | None = None
    wait: Wait | None = None
    percent: int | None = None


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
    | Stage
    | CancelStage
    | Discard
    | Activate
    | Reboot
    | Prove
    | Rollback
    | Quarantine
    | Report
    | ReportRefusal
    | Recheck
    | ReportNonsense
)


@dataclass(frozen=True, slots=True)
class Rules:
    """How often the machine tries. `retry_after` doubles with each attempt up to `retry_cap`."""

    stage_attempts: int = 6
    reboots: int = 2
    health_rounds: int = 3
    health_interval: timedelta = timedelta(seconds=10)
    health_timeout: timedelta = timedelta(minutes=10)
    retry_after: timedelta = timedelta(minutes=1)
    retry_cap: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Transition:
    """Where the machine goes, and what is to be done. Reports are journalled with the state."""

    state: State
    commands: tuple[Command, ...] = field(default=())
