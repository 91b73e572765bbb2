"""The decisions that a run can come to. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """How a run ended."""

    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    HELD = "held"
    REVOKED = "revoked"
    CLAIMED = "claimed"
    OVERTAKEN = "overtaken"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do yet; `until` is when there may be. `soaks`: the gate is met, and shall stay so."""

    wave: str
    reason: str
    until: datetime | None = None
    soaks: bool = False


@dataclass(frozen=True, slots=True)
class AskApproval:
    """A wave could be opened, but a person has to say so."""

    wave: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Write down that a person is asked: whoever looks at the channel sees it."""

    wave: str
    reason: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Say in a statement who leads; begin or renew it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Open:
    """Open a wave as far as `fraction`, and wait for it from now on."""

    wave: str
    fraction: float
    reason: str


@dataclass(frozen=True, slots=True)
class Widen:
    """Open the wave that is waited for as far as `fraction`."""

    wave: str
    fraction: float
    reason: str


@dataclass(frozen=True, slots=True)
class Soak:
    """Write down that a wave has met its gate: its soak begins."""

    wave: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold the release, and end."""

    wave: str
    reason: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Revoke:
    """Withdraw the release, and end."""

    wave: str
    reason: str
    outcome: Outcome = Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more to do. `release` asks for a last statement that gives the claim back."""

    outcome: Outcome
    reason: str
    wave: str = ""
    release: bool = False


@dataclass(frozen=True, slots=True)
class Lose:
    """Write down that a wave does not meet its gate any more: its time, and later its soak, begin anew."""

    wave: str
    reason: str


Action = Ask | Claim | Open | Widen | Soak | Lose | Hold | Revoke
Decision = Wait | AskApproval | Action | Finished
