"""Which statements this host takes up, and what stands in the way of the next step. PURE.

Steps 6 and 7 of the order of verification (docs/threats.md) are `admit`; what a host requires is `fitness`;
holds, waves, windows, approval and inhibitors are `assess`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Failure
from tidegate_agent.update.states import Target, Wait, WaitFor
from tidegate_agent.windows import Schedule
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import RolloutState, Urgency, Wave, wave_of

if TYPE_CHECKING:
    from tidegate_schemas.statement import ChannelPredicate, ChannelStatement

SKEW: Final = timedelta(minutes=5)
"""How far two honest clocks may differ."""

OPENINGS_LOOKED_AT: Final = 32
"""How many windows ahead are searched for one that is long enough."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the host remembers of a channel. `accepted` is the SHA-256 of the newest accepted payload."""

    sequence: int = 0
    accepted: str = ""
    floor: int = 0
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds on what is accepted, however well it is signed. It is never earlier than `clock_floor`."""

    max_validity: timedelta = timedelta(days=90)
    max_jump: int = 1_000_000
    clock_floor: datetime | None = None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the host is, for requirements and waves."""

    host: str
    arch: str
    labels: dict[str, str] = field(default_factory=dict)


def admit(
    statement: ChannelStatement, fingerprint: str, memory: Memory, policy: Policy, now: datetime
) -> Memory:
    """Admit a genuine statement, or refuse it.

    Args:
        statement: what was signed.
        fingerprint: SHA-256 of the signed payload, in hex: tells equal statements from equivocation.
        memory: what the host has accepted before on this channel.
        policy: the host's bounds.
        now: the later of system clock and clock floor.

    Returns:
        The memory that the host has to keep from now on.

    Raises:
        RefusedError: with the code of the step that failed.
    """
    predicate = statement.predicate
    _check_freshness(predicate, policy, now)  # step 6
    _check_sequence(predicate, fingerprint, memory, policy)  # step 7
    return Memory(predicate.sequence, fingerprint, max(memory.floor, predicate.floor), predicate.expires)


def _check_freshness(predicate: ChannelPredicate, policy: Policy, now: datetime) -> None:
    if predicate.expires <= now:
        raise RefusedError(
            Code.STATEMENT_EXPIRED,
            f"the statement expired at {rfc3339(predicate.expires)}; it is {rfc3339(now)}",
        )
    if predicate.issued_at > now + SKEW:
        reason = f"the statement was issued at {rfc3339(predicate.issued_at)}; here it is {rfc3339(now)}"
        raise RefusedError(Code.STATEMENT_NOT_YET_VALID, reason)
    validity = predicate.expires - predicate.issued_at
    if validity > policy.max_validity:
        reason = (
            f"the statement is valid for {validity.days} days; this host allows {policy.max_validity.days}"
        )
        raise RefusedError(Code.STATEMENT_VALIDITY, reason)


def _check_sequence(predicate: ChannelPredicate, fingerprint: str, memory: Memory, policy: Policy) -> None:
    sequence, known = predicate.sequence, memory.sequence
    if sequence < known:
        reason = f"the statement has sequence {sequence}; {known} was accepted already"
        raise RefusedError(Code.STATEMENT_ROLLBACK, reason)
    if sequence == known and fingerprint != memory.accepted:
        reason = f"another statement with sequence {sequence} was accepted already"
        raise RefusedError(Code.STATEMENT_EQUIVOCATION, reason)
    if known and sequence - known > policy.max_jump:
        reason = f"the sequence jumps from {known} to {sequence}; this host allows {policy.max_jump}"
        raise RefusedError(Code.STATEMENT_FAST_FORWARD, reason)


def target_of(statement: ChannelStatement) -> Target:
    """What an admitted statement asks of the machine."""
    predicate = statement.predicate
    return Target(
        digest=statement.digest,
        sequence=predicate.sequence,
        version=predicate.version,
        references=predicate.image.references,
        expires=predicate.expires,
        rollout=predicate.rollout,
        urgency=predicate.urgency,
        deadline=predicate.deadline,
    )


def fitness(predicate: ChannelPredicate, facts: HostFacts, installed_sequence: int) -> Failure | None:
    """Why this release is not for this host, or None when it is.

    Args:
        predicate: the release's requirements.
        facts: what the host is.
        installed_sequence: the sequence that brought the running image; 0 when unknown.
    """
    requires = predicate.requires
    if requires.arch and facts.arch not in requires.arch:
        wanted = ", ".join(requires.arch)
        return Failure(Code.REQUIRES_ARCH, f"this host is {facts.arch}, the release is for {wanted}")
    for key, value in requires.labels.items():
        if facts.labels.get(key) != value:
            found = facts.labels.get(key)
            return Failure(Code.REQUIRES_LABELS, f"the release is for {key}={value}; here it is {found}")
    if requires.minimum_sequence is not None and installed_sequence < requires.minimum_sequence:
        reason = f"the release needs sequence {requires.minimum_sequence}, this host has {installed_sequence}"
        return Failure(Code.REQUIRES_MINIMUM, reason)
    return None


@dataclass(frozen=True, slots=True)
class Manners:
    """How this host wants to be treated; from its configuration."""

    schedule: Schedule
    expected_duration: timedelta = timedelta(minutes=5)
    approval_required: bool = False
    stage_in_window: bool = False
    window_override: frozenset[Urgency] = frozenset({Urgency.EMERGENCY})


@dataclass(frozen=True, slots=True)
class Situation:
    """What is the case at this moment."""

    now: datetime
    approved: bool = False
    approved_now: bool = False
    others_busy: bool = False
    inhibitors: tuple[str, ...] = ()


def assess(
    target: Target, facts: HostFacts, manners: Manners, situation: Situation, *, to_activate: bool
) -> Wait | None:
    """The first thing that stands in the way of staging, or of activating; None when nothing does.

    The order is that of who decides: the publisher, by a statement that is still in force, the fleet's waves,
    this host's other updates, its people, its windows, its running work.
    """
    wait = _expired(target, situation) or _held(target) or _wave(target, facts, situation)
    if wait is None and situation.others_busy:
        wait = Wait(WaitFor.TURN, "another update of this host is in progress")
    if wait is not None or not to_activate:
        return wait or (_window(target, manners, situation) if manners.stage_in_window else None)
    return _approval(manners, situation) or _window(target, manners, situation) or _inhibited(situation)


def _expired(target: Target, situation: Situation) -> Wait | None:
    # A hold or a withdrawal may have been withheld: nothing new begins on a word that is out of date.
    if target.expires <= situation.now:
        text = f"the statement expired at {rfc3339(target.expires)}; a newer one has to come"
        return Wait(WaitFor.STATEMENT, text)
    return None


def _held(target: Target) -> Wait | None:
    if target.rollout.state is RolloutState.HELD:
        return Wait(WaitFor.HOLD, "the publisher holds this release")
    return None


def _wave(target: Target, facts: HostFacts, situation: Situation) -> Wait | None:
    if not target.rollout.waves:
        return None
    wave = wave_of(target.rollout, facts.host, facts.labels)
    if wave is None:
        return Wait(WaitFor.WAVE, "no wave of this release takes this host in yet")
    if wave.open or (wave.opens_at is not None and wave.opens_at <= situation.now):
        return None
    return Wait(WaitFor.WAVE, _wave_text(wave), wave.opens_at)


def _wave_text(wave: Wave) -> str:
    when = "when the publisher promotes it" if wave.opens_at is None else f"at {rfc3339(wave.opens_at)}"
    return f"this host's wave, {wave.name}, opens {when}"


def _approval(manners: Manners, situation: Situation) -> Wait | None:
    if manners.approval_required and not situation.approved:
        return Wait(WaitFor.APPROVAL, "a person has to approve it: tidegate-agent approve")
    return None


def _window(target: Target, manners: Manners, situation: Situation) -> Wait | None:
    schedule, now = manners.schedule, situation.now
    if situation.approved_now or _overrides(target, manners, now):
        return None
    if schedule.fits(now, manners.expected_duration):
        return None
    opens = _next_fit(schedule, now, manners.expected_duration)
    if opens is None:
        return Wait(
            WaitFor.WINDOW, f"no maintenance window of {manners.expected_duration} or more is in sight"
        )
    return Wait(WaitFor.WINDOW, f"the next maintenance window opens at {rfc3339(opens)}", opens)


def _next_fit(schedule: Schedule, now: datetime, expected: timedelta) -> datetime | None:
    for each in schedule.upcoming(now, OPENINGS_LOOKED_AT):
        long_enough = each.closes is None or each.closes - each.opens >= expected
        if each.opens > now and long_enough:
            return each.opens
    return None


def _overrides(target: Target, manners: Manners, now: datetime) -> bool:
    # A deadline that has passed lifts an update to the next urgency; the host's policy has the last word.
    urgency = target.urgency
    if target.deadline is not None and target.deadline <= now:
        urgency = Urgency.URGENT if urgency is Urgency.ROUTINE else Urgency.EMERGENCY
    return urgency in manners.window_override


def _inhibited(situation: Situation) -> Wait | None:
    if not situation.inhibitors:
        return None
    return Wait(WaitFor.INHIBITOR, "; ".join(situation.inhibitors))
