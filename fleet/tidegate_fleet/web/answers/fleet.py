"""The fleet as a whole, as the API answers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from pydantic import Field

from tidegate_schemas.base import Message, Moment
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tidegate_fleet.history import ReleaseRecord, Summary
    from tidegate_fleet.hosts import Channel


MOST: Final = {"channels": 100, "running": 50, "quarantined": 100}
"""Rows of each table: hosts can invent channels, versions and digests for ever."""


class RunningAnswer(Message):
    """Hosts that run one image in a channel."""

    digest: str
    version: str
    hosts: int


class AnnouncedAnswer(Message):
    """What the newest statement of a channel says."""

    digest: str
    version: str
    sequence: int
    state: RolloutState


class ChannelAnswer(Message):
    """One channel: what its hosts run, the most frequent first, and what they are asked to run."""

    product: str
    channel: str
    hosts: int
    announced: AnnouncedAnswer | None
    running: tuple[RunningAnswer, ...]
    behind: int = Field(description="Hosts that run something else than what is announced.")
    stale: int = Field(description="Hosts whose newest statement has expired.")


class QuarantinedAnswer(Message):
    """An image that hosts will not run again, because it failed on them."""

    digest: str
    hosts: int


class SummaryAnswer(Message):
    """The fleet in numbers."""

    hosts: int
    online: int
    events: int = Field(description="Events that were collected and are still kept.")
    newest: Moment | None = Field(description="When the newest event was collected.")
    channels: tuple[ChannelAnswer, ...]
    quarantined: tuple[QuarantinedAnswer, ...]


def summarise(summary: Summary, newest: Mapping[Channel, ReleaseRecord]) -> SummaryAnswer:
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
        channels=tuple(_channel(channel, summary, newest.get(channel)) for channel in channels),
        quarantined=tuple(
            QuarantinedAnswer(digest=digest, hosts=hosts)
            for digest, hosts in Counter(summary.quarantined).most_common(MOST["quarantined"])
        ),
    )


def announced_last(releases: Iterable[ReleaseRecord]) -> dict[Channel, ReleaseRecord]:
    """By channel the release that its newest statement is about: after a rollback not the youngest one."""
    newest: dict[Channel, ReleaseRecord] = {}
    for release in releases:
        channel = release.key.product, release.key.channel
        if release.latest is not None and _sequence(release) > _sequence(newest.get(channel)):
            newest[channel] = release
    return newest


def _sequence(release: ReleaseRecord | None) -> int:
    return 0 if release is None or release.latest is None else release.latest.statement.predicate.sequence


def _channel(channel: Channel, summary: Summary, release: ReleaseRecord | None) -> ChannelAnswer:
    running = [
        RunningAnswer(digest=digest, version=version, hosts=hosts)
        for (where, digest, version), hosts in summary.running.items()
        if where == channel
    ]
    running.sort(key=lambda one: (-one.hosts, one.version, one.digest))
    announced = _announced(release)
    return ChannelAnswer(
        product=channel[0],
        channel=channel[1],
        hosts=sum(one.hosts for one in running),
        announced=announced,
        running=tuple(running[: MOST["running"]]),
        behind=0 if announced is None else sum(o.hosts for o in running if o.digest != announced.digest),
        stale=summary.stale.get(channel, 0),
    )


def _announced(release: ReleaseRecord | None) -> AnnouncedAnswer | None:
    if release is None or release.latest is None:
        return None
    said = release.latest.statement.predicate
    return AnnouncedAnswer(
        digest=release.key.digest, version=said.version, sequence=said.sequence, state=said.rollout.state
    )
