"""What the machine hears."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tidegate_agent.model import Failure, Health, ImageStatus
from tidegate_agent.update.states import Target, Update, Wait


@dataclass(frozen=True, slots=True)
class Restarted:
    """The agent started. The engine's truth is compared with the journal's.

    `guard` says why the boot guard, or the boot loader it armed, went back; None where it did not. `crashed`
    is whether the agent's life before did not end in order, `quarantined` whether the image that runs was
    given up on.
    """

    image: ImageStatus
    boot_id: str
    guard: Failure | None = None
    crashed: bool = False
    quarantined: bool = False


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
    """The engine activated the staged image; it runs now or after a reboot, of userspace alone if `soft`."""

    reboot_required: bool
    soft: bool = False


@dataclass(frozen=True, slots=True)
class ActivateFailed:
    """The engine could not activate, or the reboot was refused.

    `runs` where the image runs all the same: it was switched to before, and that could not be completed.
    """

    failure: Failure
    retryable: bool = False
    runs: bool = False


@dataclass(frozen=True, slots=True)
class Proved:
    """One round of health checks is over.

    `proving_for` is for how long the agent has been at it since its start: neither what is done to the clock
    nor a host that is off makes it longer.
    """

    health: Health
    proving_for: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The engine went back; the previous image runs now or after a reboot, of userspace alone if `soft`."""

    reboot_required: bool
    soft: bool = False


@dataclass(frozen=True, slots=True)
class RollbackFailed:
    """The engine could not go back."""

    failure: Failure
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """A person wants the update dropped."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class RollbackRequested:
    """A person wants the previous image back. `update` is how the running one came from it."""

    failure: Failure
    update: Update


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
