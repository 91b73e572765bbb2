"""Where an update can stand. Each state carries exactly its own data, so that a wrong one cannot be written.

The journal tells them apart by `kind`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from tidegate_agent.model import Failure
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
    target. `previous`, `previous_sequence` and `boot_id` are what was the case when the update began, and
    `beside` the image that lay in the slot for the way back then; `marks` says when each step began, in
    order.
    """

    target: Target
    attempt: int
    previous: str | None
    boot_id: str
    previous_sequence: int = 0
    reboots: int = 0
    bytes_fetched: int = 0
    marks: tuple[tuple[Step, datetime], ...] = ()
    beside: str | None = None


class WaitFor(StrEnum):
    """What an update can wait for."""

    STATEMENT = "statement"
    HOLD = "hold"
    WAVE = "wave"
    WINDOW = "window"
    APPROVAL = "approval"
    INHIBITOR = "inhibitor"
    LOCK = "lock"
    SESSIONS = "sessions"
    SNOOZE = "snooze"
    CLOCK = "clock"
    TURN = "turn"
    METERED = "metered"
    BUDGET = "budget"
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
    """The engine fetches the image and lays it out.

    `lives` counts those of the agent that ended in the middle of it, in a row (`machine.lives`).
    """

    update: Update
    percent: int = 0
    lives: int = 0
    kind: Literal["staging"] = "staging"


@dataclass(frozen=True, slots=True)
class Staged:
    """The image lies ready; something forbids to activate it yet."""

    update: Update
    wait: Wait | None = None
    kind: Literal["staged"] = "staged"


@dataclass(frozen=True, slots=True)
class Activating:
    """The engine makes the staged image the next one to run. From here on nothing supersedes.

    Where that failed with the image running all the same, `asking` is False until it is tried again.
    """

    update: Update
    lives: int = 0
    asking: bool = True
    kind: Literal["activating"] = "activating"


@dataclass(frozen=True, slots=True)
class Rebooting:
    """A reboot into the target was asked for, `soft` where a restart of userspace brings it."""

    update: Update
    soft: bool = False
    lives: int = 0
    kind: Literal["rebooting"] = "rebooting"


@dataclass(frozen=True, slots=True)
class Proving:
    """The target runs and has to show that it is healthy.

    `round` counts from 1; between two rounds `checking` is False and an alarm is awaited.
    """

    update: Update
    round: int = 1
    checking: bool = True
    lives: int = 0
    kind: Literal["proving"] = "proving"


@dataclass(frozen=True, slots=True)
class RollingBack:
    """The host returns to the image `back_to`, because of `cause`.

    `reboots` counts those that should have brought it; `soft` says of what kind the last one was, and
    `pending` that it was asked for and did not come yet, as far as is known. `tries` counts what failed on
    the way and may pass; until it is tried again `asking` is False and an alarm is awaited.
    """

    update: Update
    back_to: str
    cause: Failure
    reboots: int = 0
    soft: bool = False
    pending: bool = False
    tries: int = 0
    asking: bool = True
    lives: int = 0
    kind: Literal["rolling-back"] = "rolling-back"


Resting = Idle | Settled
Active = Waiting | Staging | Staged | Activating | Rebooting | Proving | RollingBack
State = Resting | Verifying | Active
