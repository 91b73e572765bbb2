"""What the publisher did with a release, out of its statements. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tidegate_fleet.acts import Deed, acts
from tidegate_fleet.harmless import harmless
from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.report.figures import Change, Opening, Timeline
from tidegate_schemas.rollout import Rollout, RolloutState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_fleet.history import StatementRecord

_WORDS: Final = {RolloutState.ACTIVE: "resumed", RolloutState.HELD: "held", RolloutState.REVOKED: "revoked"}


def read_timeline(records: Sequence[StatementRecord], first: datetime, now: datetime) -> Timeline:
    """The statements about one release as what they changed.

    Args:
        records: the oldest first.
        first: when the release was first heard of: the beginning.
        now: waves that open at a time have opened if it has come.
    """
    reading = _Reading(first)
    ends = [*(record.heard for record in records[1:]), now]
    for record, end in zip(records, ends, strict=True) if records else ():
        reading.take(record, end)
    return Timeline(
        changes=tuple(reading.changes),
        openings=reading.openings,
        held=tuple(reading.held),
        waves=() if not records else tuple(w.name for w in records[-1].statement.predicate.rollout.waves),
        renewals=sum(act.count for act in acts(records) if act.deed is Deed.RENEWED),
        statements=len(records),
        verified=sum(record.verified for record in records),
    )


@dataclass(slots=True)
class _Reading:
    first: datetime
    before: Rollout | None = None
    changes: list[Change] = field(default_factory=list)
    openings: dict[str, Opening] = field(default_factory=dict)
    held: list[tuple[float, float | None]] = field(default_factory=list)

    def take(self, record: StatementRecord, end: datetime) -> None:
        rollout = record.statement.predicate.rollout
        at = self._since(record.heard)
        words = [*self._state(rollout, at), *self._opened(rollout, at, end)]
        self.before = rollout
        if words:
            said = record.statement.predicate
            signers = tuple(harmless(signer, 200) for signer in record.signers)
            self.changes.append(
                Change(at, record.heard, said.sequence, tuple(words), record.verified, signers)
            )

    def _since(self, moment: datetime) -> float:
        return max(0.0, (moment - self.first).total_seconds())

    def _state(self, rollout: Rollout, at: float) -> list[str]:
        was = None if self.before is None else self.before.state
        if rollout.state is was:
            return []
        if rollout.state is RolloutState.HELD:
            self.held.append((at, None))
        elif was is RolloutState.HELD:
            self.held[-1] = self.held[-1][0], at
        if was is None:
            stands = "" if rollout.state is RolloutState.ACTIVE else f", {rollout.state.value}"
            return [f"announced{stands}"]
        return [_WORDS[rollout.state]]

    def _opened(self, rollout: Rollout, at: float, end: datetime) -> list[str]:
        if not rollout.waves:
            self.openings.setdefault(NO_WAVE, Opening(at))
        was = {} if self.before is None else {wave.name: wave for wave in self.before.waves}
        words = []
        for wave in rollout.waves:
            known = was.get(wave.name)
            if wave.open and not (known and known.open):
                words.append(f"wave {wave.name} opened")
                self._open(wave.name, Opening(at))
            elif wave.opens_at and not (known and known.opens_at == wave.opens_at):
                words.append(f"wave {wave.name} opens {wave.opens_at:%Y-%m-%d %H:%M} UTC")
            # A later statement may have put the time off before it came.
            if wave.opens_at and wave.opens_at <= end:
                self._open(wave.name, Opening(max(at, self._since(wave.opens_at)), by_time=True))
        return words

    def _open(self, wave: str, opening: Opening) -> None:
        known = self.openings.get(wave)
        if known is None or opening.at < known.at:
            self.openings[wave] = opening
