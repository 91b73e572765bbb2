"""What a publisher did with a release, read off the statements about it. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tidegate_fleet.history import StatementRecord
from tidegate_fleet.leading import in_full
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate_schemas.rollout import Rollout, Runner


class Deed(StrEnum):
    """One thing that a statement changed.

    `ASKED` and `APPROVED`: a run waits for a person's approval of a wave, and has it. `WIDENED`: a run admits
    more hosts of a wave, as its budget allows. `RENEWED`: nothing but how long the statement counts.
    """

    ANNOUNCED = "announced"
    PROMOTED = "promoted"
    WIDENED = "widened"
    ASKED = "asked"
    APPROVED = "approved"
    HELD = "held"
    RESUMED = "resumed"
    REVOKED = "revoked"
    CHANGED = "changed"
    RENEWED = "renewed"


_IN_A_ROW: Final = frozenset({Deed.RENEWED, Deed.WIDENED})
"""Done again and again, by one statement after the other: told together."""


@dataclass(frozen=True, slots=True)
class Act:
    """What one statement did, or several in a row.

    Attributes:
        deed: what it was.
        record: the statement, when it was heard and who signed.
        waves: the waves that it is about.
        last: the last statement in a row that did the same; None: it was the only one.
    """

    deed: Deed
    record: StatementRecord
    waves: tuple[str, ...] = ()
    last: StatementRecord | None = None

    @property
    def count(self) -> int:
        """How many statements did it, by their sequences."""
        return 1 if self.last is None else _sequence(self.last) - _sequence(self.record) + 1


def acts(records: Sequence[StatementRecord]) -> tuple[Act, ...]:
    """What the statements about one release did, in their order: one of them may do several things.

    Args:
        records: the statements, the oldest first, as `History.statements` gives them.
    """
    if not records:
        return ()
    done = list(_announced(records[0]))
    for before, after in pairwise(records):
        new = _did(before, after)
        if _goes_on(done[-1], new):
            done[-1] = Act(done[-1].deed, done[-1].record, done[-1].waves, after)
        else:
            done.extend(new)
    return tuple(done)


def is_one_of_many(around: Sequence[StatementRecord]) -> bool:
    """Whether the third of four statements in a row tells nothing that the ones beside it do not.

    Args:
        around: all about one release. They did the same, as heartbeats do: the first and the last of such a
            row say it all.
    """
    did = [_did(before, after) for before, after in pairwise(around)]
    same = {tuple((act.deed, act.waves) for act in one) for one in did}
    alike = len({(record.verified, record.signers) for record in around[1:]}) == 1
    return alike and len(same) == 1 and len(did[0]) == 1 and did[0][0].deed in _IN_A_ROW


_DEEDS = {
    RolloutState.ACTIVE: Deed.RESUMED,
    RolloutState.HELD: Deed.HELD,
    RolloutState.REVOKED: Deed.REVOKED,
}


def _announced(record: StatementRecord) -> Iterator[Act]:
    rollout = record.statement.predicate.rollout
    yield Act(Deed.ANNOUNCED, record, _open(rollout))
    if rollout.state is not RolloutState.ACTIVE:
        yield Act(_DEEDS[rollout.state], record)


def _goes_on(act: Act, new: Sequence[Act]) -> bool:
    (first, *more) = new
    return not more and act.deed in _IN_A_ROW and (first.deed, first.waves) == (act.deed, act.waves)


def _did(before: StatementRecord, after: StatementRecord) -> tuple[Act, ...]:
    return tuple(_between(before, after)) or (Act(Deed.RENEWED, after),)


def _between(before: StatementRecord, after: StatementRecord) -> Iterator[Act]:
    old, new = before.statement.predicate.rollout, after.statement.predicate.rollout
    if old.seed != new.seed:
        # The same image as a release of its own: an operator's way back to it.
        yield from _announced(after)
        return
    if old.state is not new.state:
        yield Act(_DEEDS[new.state], after)
    opened = tuple(wave for wave in _open(new) if wave not in _open(old))
    if opened:
        yield Act(Deed.PROMOTED, after, opened)
    if widened := tuple(wave for wave in _widened(old, new) if wave not in opened):
        yield Act(Deed.WIDENED, after, widened)
    yield from _of_the_run(old.runner, after)
    if _rest(before) != _rest(after):
        yield Act(Deed.CHANGED, after)


def _of_the_run(old: Runner | None, after: StatementRecord) -> Iterator[Act]:
    new = after.statement.predicate.rollout.runner
    if new is None:
        return
    asks, approved = (None, ()) if old is None else (old.asks, old.approved)
    if let_through := tuple(wave for wave in new.approved if wave not in approved):
        yield Act(Deed.APPROVED, after, let_through)
    if new.asks is not None and new.asks != asks and new.asks not in new.approved:
        yield Act(Deed.ASKED, after, (new.asks,))


def _open(rollout: Rollout) -> tuple[str, ...]:
    return tuple(wave.name for wave in rollout.waves if wave.open)


def _widened(old: Rollout, new: Rollout) -> Iterator[str]:
    fractions = {wave.name: wave.fraction for wave in old.waves}
    for wave in new.waves:
        if wave.fraction > fractions.get(wave.name, wave.fraction):
            yield wave.name


def _rest(record: StatementRecord) -> object:
    """What a statement says but for what is told already, and what each says anew."""
    predicate = record.statement.predicate
    said = predicate.model_dump(exclude={"sequence", "issued_at", "expires", "rollout"})
    rollout = in_full(predicate.rollout).model_dump(exclude={"state", "runner", "led_before"})
    waves = [{**wave, "open": False} for wave in rollout["waves"]]
    return said, {**rollout, "waves": waves}


def _sequence(record: StatementRecord) -> int:
    return record.statement.predicate.sequence
