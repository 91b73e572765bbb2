"""Which statements a host takes up: the agent's steps 6 and 7, and what a release requires. Pure.

The same rules as the agent's (docs/protocol.md, "How a host judges it"); the contract tests hold the two
together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_publisher.devstack.simulator.progress import Failure, Wait
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState, wave_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate_schemas.statement import ChannelPredicate

SKEW: Final = timedelta(minutes=5)
MAX_VALIDITY: Final = timedelta(days=90)
MAX_JUMP: Final = 1_000_000
STOP_JUMP: Final = 1000


@dataclass(frozen=True, slots=True)
class Memory:
    """What a host remembers of the channel. `accepted` is the SHA-256 of the newest accepted payload."""

    sequence: int = 0
    accepted: str = ""
    expires: datetime | None = None


def admit(
    predicate: ChannelPredicate, fingerprint: str, memory: Memory, now: datetime, *, enough: bool
) -> Memory:
    """What to remember from now on.

    Raises:
        TidegateError: with the code of the step that failed.
    """
    if not enough:
        _check_stop(predicate, memory)
    _check_freshness(predicate, now)
    _check_sequence(predicate, fingerprint, memory)
    expires = predicate.expires
    if not enough:
        expires = min(memory.expires or expires, expires)
    return Memory(predicate.sequence, fingerprint, expires)


def _check_stop(predicate: ChannelPredicate, memory: Memory) -> None:
    leap = predicate.sequence - memory.sequence
    if predicate.rollout.state is RolloutState.ACTIVE or not memory.sequence:
        raise TidegateError(Code.SIGNATURE_THRESHOLD, "too few of the signers needed stand behind it")
    if leap > STOP_JUMP:
        raise TidegateError(Code.STATEMENT_FAST_FORWARD, f"the sequence jumps by {leap}, by too few signers")


def _check_freshness(predicate: ChannelPredicate, now: datetime) -> None:
    if predicate.expires <= now:
        reason = f"the statement expired at {rfc3339(predicate.expires)}; it is {rfc3339(now)}"
        raise TidegateError(Code.STATEMENT_EXPIRED, reason)
    if predicate.issued_at > now + SKEW:
        reason = f"the statement was issued at {rfc3339(predicate.issued_at)}; here it is {rfc3339(now)}"
        raise TidegateError(Code.STATEMENT_NOT_YET_VALID, reason)
    validity = predicate.expires - predicate.issued_at
    if validity > MAX_VALIDITY:
        reason = f"the statement is valid for {validity.days} days; this host allows {MAX_VALIDITY.days}"
        raise TidegateError(Code.STATEMENT_VALIDITY, reason)


def _check_sequence(predicate: ChannelPredicate, fingerprint: str, memory: Memory) -> None:
    sequence, known = predicate.sequence, memory.sequence
    if sequence < known:
        reason = f"the statement has sequence {sequence}; {known} was accepted already"
        raise TidegateError(Code.STATEMENT_ROLLBACK, reason)
    if sequence == known and fingerprint != memory.accepted:
        reason = f"another statement with sequence {sequence} was accepted already"
        raise TidegateError(Code.STATEMENT_EQUIVOCATION, reason)
    if known and sequence - known > MAX_JUMP:
        reason = f"the sequence jumps from {known} to {sequence}; this host allows {MAX_JUMP}"
        raise TidegateError(Code.STATEMENT_FAST_FORWARD, reason)


def unfit(
    predicate: ChannelPredicate, arch: str, labels: Mapping[str, str], installed: int
) -> Failure | None:
    """Why the release is not for a host like this; None when it is."""
    requires = predicate.requires
    if requires.arch and arch not in requires.arch:
        wanted = ", ".join(requires.arch)
        return Failure(Code.REQUIRES_ARCH, f"this host is {arch}, the release is for {wanted}")
    for key, value in requires.labels.items():
        if labels.get(key) != value:
            reason = f"the release is for {key}={value}; here it is {labels.get(key)}"
            return Failure(Code.REQUIRES_LABELS, reason)
    if requires.minimum_sequence is not None and installed < requires.minimum_sequence:
        reason = f"the release needs sequence {requires.minimum_sequence}, this host has {installed}"
        return Failure(Code.REQUIRES_MINIMUM, reason)
    return None


def hindrance(
    predicate: ChannelPredicate, accepted: int, host: str, labels: dict[str, str], now: datetime
) -> Wait | None:
    """What the publisher puts in the way, in the agent's order: expiry, a newer word, a hold, the wave."""
    if predicate.expires <= now:
        text = f"the statement expired at {rfc3339(predicate.expires)}; a newer one has to come"
        return Wait("statement", text)
    if predicate.sequence < accepted:
        text = f"statement {accepted} was accepted since this update began; it has to come again"
        return Wait("statement", text)
    if predicate.rollout.state is RolloutState.HELD:
        return Wait("hold", "the publisher holds this release")
    return _wave(predicate, host, labels, now)


def _wave(predicate: ChannelPredicate, host: str, labels: dict[str, str], now: datetime) -> Wait | None:
    if not predicate.rollout.waves:
        return None
    wave = wave_of(predicate.rollout, host, labels)
    if wave is None:
        return Wait("wave", "no wave of this release takes this host in yet")
    if wave.open or (wave.opens_at is not None and wave.opens_at <= now):
        return None
    opens = "when the publisher promotes it" if wave.opens_at is None else f"at {rfc3339(wave.opens_at)}"
    return Wait("wave", f"this host's wave, {wave.name}, opens {opens}", wave.opens_at)
