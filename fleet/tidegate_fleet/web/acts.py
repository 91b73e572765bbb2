"""What a publisher did with a release, read off the statements about it. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from tidegate_fleet.history import StatementRecord
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate_schemas.rollout import Rollout


class Deed(StrEnum):
    """One thing that a statement changed. `RENEWED`: nothing but how long it counts."""

    ANNOUNCED = "announced"
    PROMOTED = "promoted"
    HELD = "held"
    RESUMED = "resumed"
    REVOKED = "revoked"
    CHANGED = "changed"
    RENEWED = "renewed"


@dataclass(frozen=True, slots=True)
class Act:
    """What one statement did.

    Attributes:
        deed: what it was.
        record: the statement, when it was heard and who signed.
        waves: the waves that it opened, where it announced or promoted.
    """

    deed: Deed
    record: StatementRecord
    waves: tuple[str, ...] = ()


def acts(records: Sequence[StatementRecord]) -> tuple[Act, ...]:
    """What the statements about one release did, in their order: one of them may do several things.

    Args:
        records: the statements, the oldest first, as `History.statements` gives them.
    """
    if not records:
        return ()
    first = records[0]
    done = [Act(Deed.ANNOUNCED, first, _open(first.statement.predicate.rollout))]
    state = first.statement.predicate.rollout.state
    if state is not RolloutState.ACTIVE:
        done.append(Act(_DEEDS[state], first))
    for before, after in pairwise(records):
        done.extend(tuple(_between(before, after)) or (Act(Deed.RENEWED, after),))
    return tuple(done)


_DEEDS = {
    RolloutState.ACTIVE: Deed.RESUMED,
    RolloutState.HELD: Deed.HELD,
    RolloutState.REVOKED: Deed.REVOKED,
}


def _between(before: StatementRecord, after: StatementRecord) -> Iterator[Act]:
    old, new = before.statement.predicate, after.statement.predicate
    if old.rollout.state is not new.rollout.state:
        yield Act(_DEEDS[new.rollout.state], after)
    opened = tuple(wave for wave in _open(new.rollout) if wave not in _open(old.rollout))
    if opened:
        yield Act(Deed.PROMOTED, after, opened)
    if _rest(before) != _rest(after):
        yield Act(Deed.CHANGED, after)


def _open(rollout: Rollout) -> tuple[str, ...]:
    return tuple(wave.name for wave in rollout.waves if wave.open)


def _rest(record: StatementRecord) -> object:
    """What a statement says but for what each says anew, the state, who leads it and which waves are open."""
    said = record.statement.predicate.model_dump(exclude={"sequence", "issued_at", "expires"})
    rollout = said.pop("rollout")
    waves = [{**wave, "open": False} for wave in rollout["waves"]]
    return said, {**rollout, "state": None, "waves": waves, "runner": None}
