"""Which statements this host takes up. PURE.

Steps 6 and 7 of the order of verification (docs/threats.md) are `admit`; what it requires is `fitness`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Failure
from tidegate_agent.update.states import Target
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_schemas.statement import ChannelPredicate, ChannelStatement

SKEW: Final = timedelta(minutes=5)
"""How far two honest clocks may differ."""

STOP_JUMP: Final = 1000
"""How far a sequence may leap when fewer have signed than the policy asks for: enough for holds, no more."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the host remembers of a channel.

    `accepted` is the SHA-256 of the newest accepted payload. It is empty before there was one, and after a
    reset to `sequence`: then nothing counts but what is above it. `issued_at` is the latest moment at which
    something accepted, reset or statement, says that it was issued. `resets` counts them.
    """

    sequence: int = 0
    accepted: str = ""
    floor: int = 0
    expires: datetime | None = None
    issued_at: datetime | None = None
    resets: int = 0


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
    statement: ChannelStatement,
    fingerprint: str,
    memory: Memory,
    policy: Policy,
    now: datetime,
    *,
    enough: bool = True,
) -> Memory:
    """Admit a genuine statement, or refuse it.

    Args:
        statement: what was signed.
        fingerprint: SHA-256 of the signed payload, in hex: tells equal statements from equivocation.
        memory: what the host has accepted before on this channel.
        policy: the host's bounds.
        now: the later of system clock and clock floor.
        enough: whether as many signed as the policy asks for. Fewer can stop a release, and no more.

    Returns:
        The memory that the host has to keep from now on.

    Raises:
        RefusedError: with the code of the step that failed.
    """
    predicate = statement.predicate
    if not enough:
        _check_stop(predicate, memory)  # step 2, as far as the host's memory decides it
    _check_freshness(predicate, policy, now)  # step 6
    _check_sequence(predicate, fingerprint, memory, policy)  # step 7
    if not enough:
        # Too few for a release: they set no floor, and do not make the channel look fresher than it was.
        expires = min(memory.expires or predicate.expires, predicate.expires)
        return replace(memory, sequence=predicate.sequence, accepted=fingerprint, expires=expires)
    return replace(
        memory,
        sequence=predicate.sequence,
        accepted=fingerprint,
        floor=max(memory.floor, predicate.floor),
        expires=predicate.expires,
        issued_at=max(memory.issued_at or predicate.issued_at, predicate.issued_at),
    )


def _check_stop(predicate: ChannelPredicate, memory: Memory) -> None:
    """Too few signers can stop what runs here, and nothing else."""
    if predicate.rollout.state is RolloutState.ACTIVE:
        raise RefusedError(Code.SIGNATURE_THRESHOLD, "too few of the signers needed stand behind it")
    if not memory.sequence:
        text = "too few of the signers needed stand behind it, and there is nothing here that it could stop"
        raise RefusedError(Code.SIGNATURE_THRESHOLD, text)
    if predicate.sequence - memory.sequence > STOP_JUMP:
        text = (
            f"the sequence jumps from {memory.sequence} to {predicate.sequence}, by the word of fewer signers"
            f" than are needed; they may go {STOP_JUMP} further"
        )
        raise RefusedError(Code.STATEMENT_FAST_FORWARD, text)


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
    if sequence == known and not memory.accepted:
        reason = f"the channel was reset to sequence {known}: only what is above it counts"
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
