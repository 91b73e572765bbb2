"""Hosts, as the API answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tidegate_fleet.standing import Phase
from tidegate_schemas.base import Message, Moment
from tidegate_schemas.codes import REGISTRY, Code
from tidegate_schemas.events import Step, UpdateEvent
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate_fleet.history import EventRecord, HostRecord
    from tidegate_fleet.hosts import Channel
    from tidegate_fleet.standing import Standing


class StandingAnswer(Message):
    """Where a host stands in a channel: the newest of its words about an image there.

    `at` is by the host's clock, `heard` by the collector's. `remedy` goes with `code`.
    """

    product: str
    channel: str
    digest: str
    version: str | None
    sequence: int
    attempt: int = Field(description="Which attempt at this image; 0 when only a status told.")
    step: Step
    phase: Phase
    at: Moment
    heard: Moment
    waiting_for: str | None
    until: Moment | None
    percent: int | None
    code: Code | None
    reason: str
    remedy: str | None


class FollowAnswer(Message):
    """What a host runs in a channel, by its status; `quarantined` counts what it will not run again."""

    product: str
    channel: str
    engine: str
    current: str | None
    version: str | None
    staged: str | None
    stale_since: Moment | None
    held: bool
    quarantined: int


class HostBrief(Message):
    """A host in a list."""

    name: str
    online: bool
    heard: Moment = Field(description="When it last said anything, by the collector's clock.")
    labels: dict[str, str]
    follows: tuple[FollowAnswer, ...]
    standings: tuple[StandingAnswer, ...]


class HostAnswer(Message):
    """One host: its newest status as it came, and where it stands in each channel."""

    name: str
    online: bool
    heard: Moment
    status: HostStatus | None
    standings: tuple[StandingAnswer, ...]
    flooded: int = Field(description="Words of it that were not taken in, because it talked too much.")
    collided: int = Field(description="Events with the id of an earlier one and other content: not taken in.")


class HostsAnswer(Message):
    """A page of hosts, by name. `next` is where the following page is; absent on the last one."""

    items: tuple[HostBrief, ...]
    total: int = Field(description="Hosts on all pages.")
    next: str | None


class EventAnswer(Message):
    """An event as it came, and its `number` in the order of collection, which grows, with gaps."""

    number: int
    heard: Moment
    verified: bool = Field(description="Whether a device key of the host signed it.")
    event: UpdateEvent


class EventsAnswer(Message):
    """A page of events. `next` is where more may be; absent when this was the last of them."""

    items: tuple[EventAnswer, ...]
    next: str | None


def brief_host(record: HostRecord) -> HostBrief:
    """A host as lists show it."""
    status = record.status
    return HostBrief(
        name=record.name,
        online=record.online,
        heard=record.heard,
        labels={} if status is None else status.labels,
        follows=() if status is None else _follows(status),
        standings=standings(record.standings),
    )


def whole_host(record: HostRecord) -> HostAnswer:
    """A host with all that it says of itself."""
    return HostAnswer(
        name=record.name,
        online=record.online,
        heard=record.heard,
        status=record.status,
        standings=standings(record.standings),
        flooded=record.flooded,
        collided=record.collided,
    )


def told_event(record: EventRecord) -> EventAnswer:
    """An event."""
    return EventAnswer(number=record.number, heard=record.heard, verified=record.verified, event=record.event)


def standings(by_channel: Mapping[Channel, Standing]) -> tuple[StandingAnswer, ...]:
    """Standings in the order of their channels."""
    return tuple(standing(channel, by_channel[channel]) for channel in sorted(by_channel))


def standing(channel: Channel, now: Standing) -> StandingAnswer:
    """One standing."""
    product, name = channel
    return StandingAnswer(
        product=product,
        channel=name,
        digest=now.digest,
        version=now.version,
        sequence=now.sequence,
        attempt=now.attempt,
        step=now.step,
        phase=now.phase,
        at=now.at,
        heard=now.heard,
        waiting_for=now.waiting_for,
        until=now.until,
        percent=now.percent,
        code=now.code,
        reason=now.reason,
        remedy=None if now.code is None else REGISTRY[now.code].remedy,
    )


def _follows(status: HostStatus) -> tuple[FollowAnswer, ...]:
    return tuple(
        FollowAnswer(
            product=follow.product,
            channel=follow.channel,
            engine=follow.engine,
            current=follow.current,
            version=follow.version,
            staged=follow.staged,
            stale_since=follow.stale_since,
            held=follow.hold is not None,
            quarantined=len(follow.quarantined),
        )
        for follow in status.follows
    )
