"""From the history to a report's figures. PURE: what it knows comes in by the History port."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tidegate_fleet.harmless import harmless
from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.progress import SILENT_AFTER
from tidegate_fleet.report.disclosure import Disclosure
from tidegate_fleet.report.figures import Figures, ReleaseFigures, WaveFigures
from tidegate_fleet.report.frame import Frame
from tidegate_fleet.report.spread import Curve, curve, quantiles
from tidegate_fleet.report.tally import Tally, WaveTally
from tidegate_fleet.report.timeline import read_timeline
from tidegate_fleet.standing import Phase

if TYPE_CHECKING:
    from tidegate_fleet.history import ReleaseRecord
    from tidegate_fleet.report.asked import ReleaseHistory
    from tidegate_fleet.report.figures import Timeline


@dataclass(frozen=True, slots=True)
class Terms:
    """How a report is made.

    Attributes:
        now: the present moment.
        silent_after: how long an activation may be silent.
        disclosure: how hosts are spoken of.
    """

    now: datetime
    silent_after: timedelta = SILENT_AFTER
    disclosure: Disclosure = field(default_factory=Disclosure)


def gather(
    history: ReleaseHistory, record: ReleaseRecord, before: ReleaseRecord | None, terms: Terms
) -> Figures:
    """The figures of one release.

    Args:
        history: what was collected.
        record: the release.
        before: the release before, to compare with.
        terms: how.
    """
    timeline = read_timeline(history.statements(record.key), record.first, terms.now)
    frame = Frame(record.first, terms.now, timeline.openings, terms.silent_after, terms.disclosure)
    tally = _tally(history, record, frame)
    successes = _merged(tally)
    return Figures(
        release=_release(record, tally, successes),
        made=terms.now,
        state=None if record.latest is None else record.latest.statement.predicate.rollout.state.value,
        replaced=_is_replaced(history, record),
        anonymous=terms.disclosure.anonymous,
        phases=_phases(tally),
        successes=curve(successes),
        failures=curve(sorted(tally.failures)),
        waves=tuple(_wave(name, tally, frame) for name in _names(timeline, tally)),
        timeline=timeline,
        failed=tally.failed(),
        slowest=tally.slowest(),
        delays=tally.delays(),
        under_way=tally.under_way(),
        silent=tally.silent(),
        silent_after=terms.silent_after.total_seconds(),
        evidence=tally.evidence(),
        before=None if before is None else gather_release(history, before, terms),
        last=tally.last,
    )


def _is_replaced(history: ReleaseHistory, record: ReleaseRecord) -> bool:
    """Whether the newest statement of the channel is about another release."""
    channel = record.key.product, record.key.channel
    newest = {
        (said.product, said.channel): one.statement.digest
        for one in history.newest_statements()
        for said in [one.statement.predicate]
    }
    return newest.get(channel, record.key.digest) != record.key.digest


def gather_release(history: ReleaseHistory, record: ReleaseRecord, terms: Terms) -> ReleaseFigures:
    """How fast and how well a release went, without the rest."""
    tally = _tally(history, record, Frame(record.first, terms.now))
    return _release(record, tally, _merged(tally))


def _tally(history: ReleaseHistory, record: ReleaseRecord, frame: Frame) -> Tally:
    tally = Tally(frame)
    for passage in history.passages(record.key):
        tally.take(passage)
    # Hosts that have said nothing have no passage; that there are such is known from their statuses.
    for (wave, phase), number in record.counts.items():
        if phase is Phase.PENDING and number > tally.counts[wave, phase]:
            tally.counts[wave, phase] = number
    return tally


def _release(record: ReleaseRecord, tally: Tally, successes: list[float]) -> ReleaseFigures:
    phases = _phases(tally)
    return ReleaseFigures(
        key=record.key,
        version=harmless(record.version, 64),
        first=record.first,
        hosts=sum(phases.values()),
        succeeded=phases[Phase.SUCCEEDED],
        failed=phases[Phase.FAILED],
        success=quantiles(successes),
    )


def _merged(tally: Tally) -> list[float]:
    return sorted(moment for wave in tally.waves.values() for moment in wave.successes)


def _phases(tally: Tally) -> Counter[Phase]:
    phases: Counter[Phase] = Counter()
    for (_, phase), number in tally.counts.items():
        phases[phase] += number
    return phases


def _names(timeline: Timeline, tally: Tally) -> list[str]:
    """The statement's waves in its order, then others that hosts are counted in, at the end no wave."""
    counted = {wave for (wave, _), number in tally.counts.items() if number}
    others = sorted(counted - {*timeline.waves, NO_WAVE})
    return [*timeline.waves, *others, *([NO_WAVE] if NO_WAVE in counted else [])]


def _wave(name: str, tally: Tally, frame: Frame) -> WaveFigures:
    kept = tally.waves.get(name, WaveTally())
    return WaveFigures(
        name=name,
        phases={phase: tally.counts[name, phase] for phase in Phase if tally.counts[name, phase]},
        opening=frame.openings.get(name),
        began=kept.began,
        ended=kept.ended,
        success=quantiles(sorted(kept.spans)),
        curve=curve(sorted(kept.successes)) if kept.successes else Curve(),
        early=kept.early,
    )
