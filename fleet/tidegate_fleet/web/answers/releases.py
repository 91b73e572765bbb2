"""Releases, as the API answers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pydantic import Field

from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.standing import Phase
from tidegate_fleet.web.acts import Deed
from tidegate_fleet.web.answers.hosts import StandingAnswer, standing
from tidegate_schemas.base import Message, Moment
from tidegate_schemas.codes import REGISTRY, Code
from tidegate_schemas.rollout import RolloutState, Wave

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tidegate_fleet.history import Adopted, FailureRecord, Passage, ReleaseKey, ReleaseRecord
    from tidegate_fleet.web.acts import Act


class ReleaseBrief(Message):
    """A release in a list: one image on one channel. `counts` are hosts by phase."""

    product: str
    channel: str
    digest: str
    version: str
    state: RolloutState | None = Field(description="What the publisher wants; null without a statement.")
    sequence: int | None
    announced: bool = Field(description="Whether the channel's newest statement is about it.")
    first: Moment = Field(description="When it was first heard of.")
    counts: dict[Phase, int]


class WaveAnswer(Message):
    """A wave: as its statement has it, and its hosts by phase. `wave` is null for hosts that are in none."""

    wave: Wave | None
    is_open: bool
    counts: dict[Phase, int]


class FailureAnswer(Message):
    """The hosts that failed with one code: how many, and what the newest of them said."""

    code: Code | None
    hosts: int
    newest: Moment
    reason: str
    host: str
    remedy: str | None


class ActAnswer(Message):
    """What a statement about the release did. `waves` are those that it opened."""

    deed: Deed
    sequence: int
    issued_at: Moment
    heard: Moment
    waves: tuple[str, ...]
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


def brief_release(record: ReleaseRecord, newest: ReleaseRecord | None) -> ReleaseBrief:
    """A release as lists show it; `newest` is the one that its channel announced last."""
    said = None if record.latest is None else record.latest.statement.predicate
    return ReleaseBrief(
        product=record.key.product,
        channel=record.key.channel,
        digest=record.key.digest,
        version=record.version,
        state=None if said is None else said.rollout.state,
        sequence=None if said is None else said.sequence,
        announced=newest is not None and newest.key == record.key,
        first=record.first,
        counts=by_phase(record.counts),
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
        WaveAnswer(
            wave=wave,
            is_open=wave.open or (wave.opens_at is not None and wave.opens_at <= now),
            counts={phase: stray[wave.name][phase] for phase in Phase},
        )
        for wave in told
    ]
    if stray[NO_WAVE].total() or not told:
        rest = {phase: stray[NO_WAVE][phase] for phase in Phase}
        answers.append(WaveAnswer(wave=None, is_open=not told, counts=rest))
    return tuple(answers)


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


def act(done: Act) -> ActAnswer:
    """What a statement did."""
    said = done.record.statement.predicate
    return ActAnswer(
        deed=done.deed,
        sequence=said.sequence,
        issued_at=said.issued_at,
        heard=done.record.heard,
        waves=done.waves,
        signers=done.record.signers,
        verified=done.record.verified,
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
