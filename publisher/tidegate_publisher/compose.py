"""From a release to the channel statement that will be signed. Pure: time, digest and seed are parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import Rollout, Wave
from tidegate_schemas.statement import (
    ChannelPredicate,
    ChannelStatement,
    Image,
    Requires,
    Subject,
    first_fault,
)

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tidegate_publisher.ports import ResolvedImage
    from tidegate_schemas.release import Release, ReleaseWave


def compose(
    release: Release, image: ResolvedImage, *, sequence: int, floor: int, now: datetime, seed: str
) -> ChannelStatement:
    """The first statement of a release.

    Args:
        release: what was asked for; its own `sequence`, `floor` and image reference are not read here.
        image: what the reference stands for.
        sequence: the statement's place in the channel.
        floor: the lowest sequence that hosts may return to.
        now: the moment of issue; cut to whole seconds.
        seed: used when the release names none.

    Raises:
        TidegateError: RELEASE_INVALID when the parts do not fit together.
    """
    now = now.replace(microsecond=0)
    if release.deadline is not None and release.deadline <= now:
        raise TidegateError(
            Code.RELEASE_INVALID, f"deadline: {release.deadline.isoformat()} has passed already"
        )
    fields: dict[str, Any] = {
        "product": release.product,
        "channel": release.channel,
        "sequence": sequence,
        "issued_at": now,
        "expires": now + release.expires_in,
        "image": Image(references=(image.repository, *release.mirrors), platforms=image.platforms),
        "version": release.version,
        "notes": release.notes,
        "requires": Requires(**dict(release.requires)),
        "rollout": _rollout(release, seed),
        "urgency": release.urgency,
        "deadline": release.deadline,
        "floor": floor,
    }
    subject = Subject(name=image.repository, digest={"sha256": image.digest.removeprefix("sha256:")})
    return ChannelStatement(subject=(subject,), predicate=_predicate(fields))


def _rollout(release: Release, seed: str) -> Rollout:
    try:
        return Rollout(
            state=release.rollout.state,
            seed=release.rollout.seed or seed,
            waves=tuple(Wave(**wave_fields(wave)) for wave in release.rollout.waves),
        )
    except ValidationError as error:
        raise TidegateError(Code.RELEASE_INVALID, f"rollout: {first_fault(error)}") from error


def wave_fields(wave: ReleaseWave) -> dict[str, Any]:
    """What of a wave is signed: all but its gate, which is the publisher's own."""
    return {name: value for name, value in dict(wave).items() if name != "gate"}


def renew(
    statement: ChannelStatement,
    *,
    now: datetime,
    rollout: Rollout | None = None,
    validity: timedelta | None = None,
    keep_floor: bool = True,
) -> ChannelStatement:
    """The same release in a new statement: one sequence further, issued now, fresh for as long as before.

    Fields that this version does not know are kept: they were signed, and a newer host may act on them.

    Args:
        statement: the statement to build on. It must have been verified.
        now: the moment of issue; cut to whole seconds.
        rollout: what the rollout shall be; None leaves it.
        validity: how long hosts may act on it; None takes the old statement's.
        keep_floor: False names none, where too few vouch for the old one.
    """
    now = now.replace(microsecond=0)
    old = statement.predicate
    changes: dict[str, Any] = {
        "sequence": old.sequence + 1,
        "issued_at": now,
        "expires": now + (validity or old.expires - old.issued_at),
    }
    if rollout is not None:
        changes["rollout"] = rollout
    if not keep_floor:
        changes["floor"] = 0
    predicate = _predicate({**dict(old), **changes})
    return statement.model_copy(update={"predicate": predicate})


def _predicate(fields: dict[str, Any]) -> ChannelPredicate:
    try:
        return ChannelPredicate(**fields)
    except ValidationError as error:
        raise TidegateError(Code.RELEASE_INVALID, first_fault(error)) from error
