"""The fleet as a whole, as the API answers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from pydantic import Field

from tidegate_fleet.leading import approval_command, asked
from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.standing import Phase
from tidegate_schemas.base import Message, Moment
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tidegate_fleet.history import ReleaseRecord, StatementRecord, Summary
    from tidegate_fleet.hosts import Channel


_NOT_BEGUN: Final = frozenset({Phase.PENDING, Phase.WAITING})
MOST: Final = {"channels": 100, "running": 50, "quarantined": 100}
"""Rows of each table: hosts can invent channels, versions and digests for ever."""


class RunningAnswer(Message):
    """Hosts that run one image in a channel."""

    digest: str
    version: str
    hosts: int


class ApprovalAnswer(Message):
    """A wave that waits for a person's approval, and the command that gives it."""

    wave: str
    since: Moment
    command: str


class AnnouncedAnswer(Message):
    """What the newest statement of a channel says."""

    digest: str
    version: str
    sequence: int
    state: RolloutState
    approval: ApprovalAnswer | None = Field(description="What a person is asked to approve, if anything.")


class ChannelAnswer(Message):
    """One channel: what its hosts run, the most frequent first, and what they are asked to run."""

    product: str
    channel: str
    hosts: int
    announced: AnnouncedAnswer | None
    running: tuple[RunningAnswer, ...]
    drift: int = Field(description="Hosts that run something else than announced, and not as planned.")
    waiting: int = Field(
        description="Hosts that run something else as planned: their wave is closed, or the release is held."
    )
    stale: int = Field(description="Hosts whose newest statement has expired.")


class QuarantinedAnswer(Message):
    """An image that hosts will not run again, because it failed on them."""

    digest: str
    hosts: int


class SummaryAnswer(Message):
    """The fleet in numbers."""

    hosts: int
    online: int
    events: int = Field(description="Events that were ever collected, also those forgotten since.")
    newest: Moment | None = Field(description="When the newest event was collected.")
    channels: tuple[ChannelAnswer, ...]
    quarantined: tuple[QuarantinedAnswer, ...]


def summarise(summary: Summary, newest: Mapping[Channel, ReleaseRecord], now: datetime) -> SummaryAnswer:
    """The fleet, where `newest` is by channel the release that it announced last."""
    followed: Counter[Channel] = Counter()
    for (channel, _, _), hosts in summary.running.items():
        followed[channel] += hosts
    told = sorted({*followed, *summary.stale}, key=lambda channel: (-followed[channel], channel))
    # What was announced comes first: no host can crowd it out.
    channels = sorted(list(dict.fromkeys([*newest, *told]))[: MOST["channels"]])
    return SummaryAnswer(
        hosts=summary.hosts,
        online=summary.online,
        events=summary.events,
        newest=summary.newest,
        channels=tuple(_channel(channel, summary, newest.get(channel), now) for channel in channels),
        quarantined=tuple(
            QuarantinedAnswer(digest=digest, hosts=hosts)
            for digest, hosts in Counter(summary.quarantined).most_common(MOST["quarantined"])
        ),
    )


def waits_as_planned(record: ReleaseRecord, now: datetime) -> int:
    """Hosts that have not begun a release, and are not to: their wave is closed, or all is held."""
    if record.latest is None:
        return 0
    rollout = record.latest.statement.predicate.rollout
    stopped = rollout.state is not RolloutState.ACTIVE
    going = {wave.name for wave in rollout.waves if wave.is_open(now)} | (
        set() if rollout.waves else {NO_WAVE}
    )
    return sum(
        hosts
        for (wave, phase), hosts in record.counts.items()
        if phase in _NOT_BEGUN and (stopped or wave not in going)
    )


def approval(record: StatementRecord, now: datetime) -> ApprovalAnswer | None:
    """What a person is asked for by a statement."""
    said = record.statement.predicate
    wanted = asked(said.rollout, now)
    if wanted is None:
        return None
    return ApprovalAnswer(wave=wanted.wave, since=wanted.since, command=approval_command(said, wanted.wave))


def _channel(
    channel: Channel, summary: Summary, release: ReleaseRecord | None, now: datetime
) -> ChannelAnswer:
    running = [
        RunningAnswer(digest=digest, version=version, hosts=hosts)
        for (where, digest, version), hosts in summary.running.items()
        if where == channel
    ]
    running.sort(key=lambda one: (-one.hosts, one.version, one.digest))
    announced = _announced(release, now)
    others = 0 if announced is None else sum(one.hosts for one in running if one.digest != announced.digest)
    waiting = 0 if release is None else min(waits_as_planned(release, now), others)
    return ChannelAnswer(
        product=channel[0],
        channel=channel[1],
        hosts=sum(one.hosts for one in running),
        announced=announced,
        running=tuple(running[: MOST["running"]]),
        drift=others - waiting,
        waiting=waiting,
        stale=summary.stale.get(channel, 0),
    )


def _announced(release: ReleaseRecord | None, now: datetime) -> AnnouncedAnswer | None:
    if release is None or release.latest is None:
        return None
    said = release.latest.statement.predicate
    return AnnouncedAnswer(
        digest=release.key.digest,
        version=said.version,
        sequence=said.sequence,
        state=said.rollout.state,
        approval=approval(release.latest, now),
    )
