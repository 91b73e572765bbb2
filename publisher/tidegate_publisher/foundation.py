"""What a new statement about an announced release may be built on.

The retained statement is verified first. Where the outcome lets hosts go on it must not have expired:
otherwise a broker could hand an old statement to the heartbeat job and have it made fresh. And it must have
all its signers: one alone may stop a release, and by that means put any content into the channel, which the
others' signatures would then bring into force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_publisher.compose import renew
from tidegate_publisher.signers import require_enough
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tidegate_publisher.ports import Progress, Verified
    from tidegate_publisher.publication import Current
    from tidegate_schemas.rollout import Rollout
    from tidegate_schemas.statement import ChannelStatement


def usable(before: Current, name: str) -> Verified:
    """What the channel `name` holds. Raises the fault of what does not verify, or ANNOUNCE_MISSING."""
    if before.fault is not None:
        reason = f"What {name} holds does not verify, so nothing is built on it: {before.fault.reason}"
        raise TidegateError(before.fault.code, reason)
    if before.verified is None:
        reason = f"Nothing is announced on {name}; announce a release first"
        raise TidegateError(Code.ANNOUNCE_MISSING, reason)
    return before.verified


def require_sequence(verified: Verified, wanted: int | None) -> None:
    """Refuse another sequence than the caller believes. Raises TidegateError(ANNOUNCE_CONFLICT)."""
    stands = verified.statement.predicate.sequence
    if wanted is not None and wanted != stands:
        reason = f"The channel stands at sequence {stands}, not at the expected {wanted}"
        raise TidegateError(Code.ANNOUNCE_CONFLICT, reason)


def require_good_to_go(verified: Verified, now: datetime, *, even_if_expired: bool = False) -> None:
    """Refuse to let hosts go on by what too few vouch for, or what may be played back.

    Raises:
        TidegateError: SIGNATURE_THRESHOLD, STATEMENT_EXPIRED.
    """
    require_enough(verified)
    predicate = verified.statement.predicate
    if predicate.expires <= now and not even_if_expired:
        reason = (
            f"The statement with sequence {predicate.sequence} expired at {rfc3339(predicate.expires)}; "
            "it may be an old one that is played back. If it is the newest, give --even-if-expired (before a "
            "rollout goes on: to `tidegate heartbeat`)"
        )
        raise TidegateError(Code.STATEMENT_EXPIRED, reason)


def next_statement(
    verified: Verified, rollout: Rollout, now: datetime, progress: Progress, validity: timedelta | None = None
) -> ChannelStatement:
    """The same release with another rollout, one sequence further."""
    floor = verified.statement.predicate.floor
    if floor and not verified.enough:
        progress.note(f"the floor of {floor} is not handed on: the statement that names it lacks signers")
    return renew(verified.statement, now=now, rollout=rollout, validity=validity, keep_floor=verified.enough)
