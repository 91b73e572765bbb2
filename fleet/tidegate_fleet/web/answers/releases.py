"""Releases, as the API answers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pydantic import Field

from tidegate_fleet.acts import Deed
from tidegate_fleet.leading import how_far, in_full, leader
from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.standing import Phase
from tidegate_fleet.web.answers.fleet import ApprovalAnswer
from tidegate_fleet.web.answers.hosts import StandingAnswer, standing
from tidegate_schemas.base import Message, Moment
from tidegate_schemas.codes import REGISTRY, Code
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tidegate_fleet.acts import Act
    from tidegate_fleet.history import (
        Adopted,
        FailureRecord,
        Passage,
        ReleaseKey,
        ReleaseRecord,
        StatementRecord,
    )
    from tidegate_schemas.rollout import Rollout, Wave


class ReleaseBrief(Message):
    """A release in a list: one image on one channel. `counts` are hosts by phase."""

    product: str
    channel: str
    digest: str
    version: str
    state: RolloutState | None = Field(description="What the publisher wants; null without a statement.")
    sequence: int | None
    announced: bool = Field(description="Whether the channel's newest statement is about it.")
    replaced: bool = Field(
        description="Whether another one was announced since: `state` is what was last said of it."
    )
    first: Moment = Field(description="When it was first heard of.")
    counts: dict[Phase, int]


class WaveAnswer(Message):
    """A wave as its statement has it, and its hosts by phase. `name` is null for hosts that are in none."""

    name: str | None
    open: bool
    opens_at: Moment | None
    fraction: float = Field(description="The share of all hosts up to which it is open, or will be.")
    whole: float = Field(description="The share that it is widened to, where a run does so step by step.")
    how_far: str = Field(description="The same in words: `closed`, `open`, `open for 39 %`.")
    labels: dict[str, str]
    counts: dict[Phase, int]


class RunnerAnswer(Message):
    """The run that leads the release, as its statement says: `tidegate rollout run`."""

    id: str
    wave: str = Field(description="The wave that it waits for: those before are done.")
    leads: bool = Field(description="Whether it leads the release now.")
    until: Moment | None
    ended: str | None
    because: str | None = Field(description="Why the run stopped the release, if it did.")


class FailureAnswer(Message):
    """The hosts that failed with one code: how many, and what the newest of them said."""

    code: Code | None
    hosts: int
    newest: Moment
    reason: str
    host: str
    remedy: str | None


class ActAnswer(Message):
    """What a statement about the release did, or `count` of them in a row up to `through`."""

    deed: Deed
    sequence: int
    through: int = Field(description="The sequence of the last statement in a row that did the same.")
    until: Moment = Field(description="When that one was heard.")
    count: int
    issued_at: Moment
    heard: Moment
    waves: tuple[str, ...] = Field(description="The waves that it opened, widened, asked for or approved.")
    signers: tuple[str, ...]
    verified: bool = Field(description="Whether the collector verified it; else it is taken at its word.")


class AdoptedAnswer(Message):
    """How many hosts had succeeded and failed by a moment."""

    at: Moment
    succeeded: int
    failed: int


class ReleaseAnswer(Message):
    """One release and how far it is. `silent` hosts began to activate and have said nothing since."""

    release: ReleaseBrief
    runner: RunnerAnswer | None
    approval: ApprovalAnswer | None = Field(description="What a person is asked to approve, if anything.")
    waiting: int = Field(description="Hosts that have not begun, and are not to: wave closed, or held.")
    waves: tuple[WaveAnswer, ...]
    failures: tuple[FailureAnswer, ...]
    silent: int
    timeline: tuple[ActAnswer, ...]
    adoption: tuple[AdoptedAnswer, ...]


class ReleasesAnswer(Message):
    """The newest releases."""

    items: tuple[ReleaseBrief, ...]


class PassageAnswer(Message):
    """One host's way through a release: moments by the collector's clock, seconds by the host's."""

    host: str
    wave: str | None
    standing: StandingAnswer
    began: Moment
    activated: Moment | None
    ended: Moment | None
    durations: dict[str, float]
    waited_for: dict[str, float]
    events: int
    verified: int


def brief_release(record: ReleaseRecord, newest: StatementRecord | None) -> ReleaseBrief:
    """A release as lists show it; `newest` is the newest statement of its channel."""
    said = None if record.latest is None else record.latest.statement.predicate
    announced = newest is not None and newest.statement.digest == record.key.digest
    return ReleaseBrief(
        product=record.key.product,
        channel=record.key.channel,
        digest=record.key.digest,
        version=record.version,
        state=None if said is None else said.rollout.state,
        sequence=None if said is None else said.sequence,
        announced=announced,
        replaced=said is not None and not announced,
        first=record.first,
        counts=by_phase(record.counts),
    )


def runner(record: ReleaseRecord, now: datetime) -> RunnerAnswer | None:
    """Who leads a release, or led it last."""
    rollout = None if record.latest is None else record.latest.statement.predicate.rollout
    said = None if rollout is None else rollout.runner
    if rollout is None or said is None:
        return None
    return RunnerAnswer(
        id=said.id,
        wave=said.wave,
        leads=leader(rollout, now) is not None,
        until=said.until,
        ended=said.ended,
        because=said.because,
    )


def by_phase(counts: Mapping[tuple[str, Phase], int]) -> dict[Phase, int]:
    """Hosts by phase, every phase named, over all waves."""
    total: Counter[Phase] = Counter()
    for (_, phase), hosts in counts.items():
        total[phase] += hosts
    return {phase: total[phase] for phase in Phase}


def waves(record: ReleaseRecord, now: datetime) -> tuple[WaveAnswer, ...]:
    """The waves in their order; at the end those hosts that are in none, if there are any."""
    rollout = None if record.latest is None else record.latest.statement.predicate.rollout
    told = [] if rollout is None else list(rollout.waves)
    names = [wave.name for wave in told]
    stray = {name: Counter[Phase]() for name in (*names, NO_WAVE)}
    for (name, phase), hosts in record.counts.items():
        # A later statement may have other waves than those that hosts were counted in a moment ago.
        stray[name if name in stray else NO_WAVE][phase] += hosts
    answers = [
        _wave(rollout, wave, {phase: stray[wave.name][phase] for phase in Phase}, now)
        for wave in told
        if rollout is not None
    ]
    if stray[NO_WAVE].total() or not told:
        rest = {phase: stray[NO_WAVE][phase] for phase in Phase}
        answers.append(_without(rest, is_open=not told))
    return tuple(answers)


def _wave(rollout: Rollout, wave: Wave, counts: dict[Phase, int], now: datetime) -> WaveAnswer:
    whole = next(one.fraction for one in in_full(rollout).waves if one.name == wave.name)
    return WaveAnswer(
        name=wave.name,
        open=wave.is_open(now),
        opens_at=wave.opens_at,
        fraction=wave.fraction,
        whole=whole,
        how_far=how_far(rollout, wave, now),
        labels=wave.labels,
        counts=counts,
    )


def _without(counts: dict[Phase, int], *, is_open: bool) -> WaveAnswer:
    words = "open" if is_open else "closed"
    return WaveAnswer(
        name=None, open=is_open, opens_at=None, fraction=1, whole=1, how_far=words, labels={}, counts=counts
    )


def failure(record: FailureRecord) -> FailureAnswer:
    """Failures of one code."""
    return FailureAnswer(
        code=record.code,
        hosts=record.hosts,
        newest=record.newest,
        reason=record.reason,
        host=record.host,
        remedy=None if record.code is None else REGISTRY[record.code].remedy,
    )


def act(one: Act) -> ActAnswer:
    """What a statement did."""
    said, last = one.record.statement.predicate, one.last or one.record
    return ActAnswer(
        deed=one.deed,
        sequence=said.sequence,
        through=last.statement.predicate.sequence,
        until=last.heard,
        count=one.count,
        issued_at=said.issued_at,
        heard=one.record.heard,
        waves=one.waves,
        signers=one.record.signers,
        verified=one.record.verified,
    )


def adopted(point: Adopted) -> AdoptedAnswer:
    """One point of the curve."""
    return AdoptedAnswer(at=point.at, succeeded=point.succeeded, failed=point.failed)


def passage(key: ReleaseKey, one: Passage) -> PassageAnswer:
    """One host's way."""
    return PassageAnswer(
        host=one.host,
        wave=one.wave or None,
        standing=standing((key.product, key.channel), one.standing),
        began=one.began,
        activated=one.activated,
        ended=one.ended,
        durations=dict(one.durations),
        waited_for=dict(one.waited_for),
        events=one.events,
        verified=one.verified,
    )
