"""What is kept of one host, and how each of its words changes that. PURE.

The store and the fake of the tests both keep dossiers: what a word means is decided here alone. All of it can
be repeated: a word that was taken in before, alone or among others, changes nothing.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_fleet.history import Adopted, Passage, ReleaseKey
from tidegate_fleet.host import Channel, begins_anew
from tidegate_fleet.order import after, forgotten
from tidegate_fleet.presence import End, presence_of
from tidegate_fleet.standing import Phase, Standing, is_about_update, told_by_event, told_by_status
from tidegate_schemas import limits
from tidegate_schemas.events import Step
from tidegate_schemas.status import HostStatus, Presence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tidegate_fleet.words import HostEvent
    from tidegate_schemas.events import UpdateEvent

_CHANNELS: Final = limits.ITEMS
"""Channels that one host may stand in: as many as its status can name."""


@dataclass(slots=True)
class Way:
    """The material of a `history.Passage`, which see.

    Attributes:
        attempt: the attempt that `durations` are of.
    """

    standing: Standing
    began: datetime
    activated: datetime | None = None
    durations: dict[str, float] = field(default_factory=dict)
    attempt: int = 0
    waited_for: dict[str, float] = field(default_factory=dict)
    events: int = 0
    verified: int = 0

    def passage(self, host: str, wave: str) -> Passage:
        """The way as it is shown."""
        return Passage(
            host=host,
            wave=wave,
            standing=self.standing,
            began=self.began,
            activated=self.activated,
            ended=self.standing.since if self.standing.phase.final else None,
            durations=self.durations,
            waited_for=self.waited_for,
            events=self.events,
            verified=self.verified,
        )


@dataclass(slots=True)
class Dossier:
    """One host.

    Attributes:
        name: its id.
        heard: when it last said anything, by our clock.
        presence: what its newest status and its last will say.
        end: the last connection that is known to be over.
        born: start and connection of that status.
        status: the newest status in which it described itself.
        standings: where it stands in each channel.
        ways: its ways through releases; the store loads only those that are spoken of.
        moved: the channels whose standing has changed since the dossier was opened.
        trodden: the releases whose way has changed since.
        described: whether its status has changed since.
    """

    name: str
    heard: datetime
    presence: Presence = Presence.OFFLINE
    end: End | None = None
    born: tuple[int, int] = (0, 0)
    status: HostStatus | None = None
    standings: dict[Channel, Standing] = field(default_factory=dict)
    ways: dict[ReleaseKey, Way] = field(default_factory=dict)
    moved: set[Channel] = field(default_factory=set)
    trodden: set[ReleaseKey] = field(default_factory=set)
    described: bool = False

    def take_event(self, heard: HostEvent, now: datetime) -> None:
        """Take an event in that was not here before: the caller knows by its id."""
        self.heard = max(self.heard, now)
        if heard.event.data.step is Step.DAMAGED:
            self._forget()
        key, standing = release_of(heard.event), told_by_event(heard.event, now)
        if key is None or standing is None or not self._move(key, standing):
            return
        way, said = self.ways[key], heard.event.data
        way.events += 1
        way.verified += heard.verified
        if standing.phase is Phase.ACTIVATING:
            way.activated = now if way.activated is None else min(way.activated, now)
        stands = (way.standing.step, way.standing.at) == (standing.step, standing.at)
        if stands or (standing.attempt >= way.attempt and standing.phase.final):
            way.durations, way.attempt = dict(said.durations), standing.attempt

    def take_status(self, status: HostStatus, now: datetime) -> bool:
        """Take a status in; False when a later connection is known, or when it says nothing new.

        A last will says that the host is gone, and describes nothing.
        """
        if status.is_will:
            return self._ended(End.told_by(status), now)
        born = status.start, status.connection
        if (born == self.born and status == self.status) or status.overtaken_by(self.status):
            return False
        if born < self.born:
            if self.status is None or not begins_anew(status, self.born[0], self.status.at, now):
                return False
            self._forget()
        self.born, self.status, self.described = born, status, True
        self.presence = presence_of(status, self.end)
        self.heard = max(self.heard, now)
        for follow in status.follows:
            standing = told_by_status(status, follow, now)
            if standing is not None:
                self._move(ReleaseKey(follow.product, follow.channel, standing.digest), standing)
        return True

    def _ended(self, end: End, now: datetime) -> bool:
        if not end.is_news(self.end):
            return False
        self.end, self.presence, self.described = end, presence_of(self.status, end), True
        self.heard = max(self.heard, now)
        return True

    def _forget(self) -> None:
        """The host has lost what it remembered: its attempts count from one again."""
        for channel, standing in self.standings.items():
            self.standings[channel] = forgotten(standing)
            self.moved.add(channel)
        for key, way in self.ways.items():
            way.standing, way.attempt = forgotten(way.standing), 0
            self.trodden.add(key)

    def _move(self, key: ReleaseKey, new: Standing) -> bool:
        channel: Channel = (key.product, key.channel)
        old = self.standings.get(channel)
        if old is None and len(self.standings) >= _CHANNELS:
            return False
        if (stands := after(old, new)) is not None:
            self.standings[channel] = stands
            self.moved.add(channel)
        way = self.ways.get(key)
        if way is None:
            way = self.ways[key] = Way(new, new.heard)
        else:
            way.standing = after(way.standing, new) or way.standing
        way.began = min(way.began, new.heard)
        self.trodden.add(key)
        return True


def release_of(event: UpdateEvent) -> ReleaseKey | None:
    """The release along whose way an event leads its host, if it does."""
    said = event.data
    if said.product is None or said.channel is None or said.digest is None or not is_about_update(event):
        return None
    return ReleaseKey(said.product, said.channel, said.digest)


Waiting = tuple[datetime, str, str | None]
"""Of an event: when it was, its id, and what its host waited for from then on."""


def waited(events: Iterable[Waiting]) -> dict[str, float]:
    """Seconds that a host waited for each thing, from its events about one release, in whatever order.

    Each wait lasts until the next event, by the host's own clock.
    """
    spent: dict[str, float] = {}
    for (began, _, reason), (ended, _, _) in itertools.pairwise(sorted(events, key=lambda one: one[:2])):
        if reason is not None:
            spent[reason] = spent.get(reason, 0.0) + (ended - began).total_seconds()
    return spent


def curve(
    first: datetime, last: datetime, ends: Mapping[int, tuple[int, int]], points: int
) -> tuple[Adopted, ...]:
    """How a release came to its hosts, from how many came to an end in each piece of the time.

    Args:
        first: when the release was first heard of.
        last: when the last host came to an end.
        ends: hosts that succeeded and that failed, by `piece`.
        points: how many points the curve may have.
    """
    span, succeeded, failed = last - first, 0, 0
    drawn = [Adopted(first, 0, 0)]
    for index, (good, bad) in sorted(ends.items()):
        succeeded, failed = succeeded + good, failed + bad
        drawn.append(Adopted(first + span * index / pieces(points), succeeded, failed))
    return tuple(drawn) if ends else ()


def pieces(points: int) -> int:
    """Into how many pieces the time is cut for a curve of so many points: one is before all of them."""
    return max(points - 2, 1)


def piece(first: datetime, last: datetime, ended: datetime, points: int) -> int:
    """The piece of the time in which a host came to an end, by its upper edge; 0 for its very beginning."""
    span, since = (one // timedelta(microseconds=1) for one in (last - first, ended - first))
    return -(-since * pieces(points) // span) if span else 0


def arch_of(status: HostStatus | None) -> str | None:
    """A host's architecture, if it told it."""
    return None if status is None else status.arch
