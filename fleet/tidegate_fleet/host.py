"""One host, as it describes itself. PURE.

What it says changes its own record alone, which has bounds in every direction.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tidegate_fleet.order import SKEW, forgotten
from tidegate_fleet.presence import End, presence_of
from tidegate_fleet.standing import Standing
from tidegate_schemas import limits
from tidegate_schemas.codes import Code
from tidegate_schemas.status import FollowStatus, HostStatus, Presence

if TYPE_CHECKING:
    from tidegate_schemas.events import UpdateEvent

Channel = tuple[str, str]
"""A product and a channel of it."""

MOST_CHANNELS: Final = limits.ITEMS
"""Channels remembered of each host: as many as its status can name."""

_REMEMBERED: Final = 32
"""Events remembered of each host. It has sixteen on their way at most, which come again together."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Refusals:
    """Messages of a channel that a host refused. Nobody knows whose they were: they say nothing of a release.

    Attributes:
        count: as many as events told.
        code: why it refused the last one.
        reason: the same in words.
        heard: when it told, by our clock.
    """

    count: int
    code: Code | None
    reason: str
    heard: datetime


@dataclass(slots=True)
class Host:
    """What is known of one host.

    Attributes:
        name: its id.
        heard: when it last said anything, by our clock. Who comes and goes says something, and makes no
            progress: see `Standing.since`.
        status: the newest status in which it described itself, if one came.
        presence: what its newest status and its last will say.
        standings: where it stands in each channel.
        refusals: the messages that it refused, by channel.
        begun_anew: how often its counts began again: it was installed anew, or two hosts share one name.
    """

    name: str
    heard: datetime
    status: HostStatus | None = None
    presence: Presence = Presence.OFFLINE
    standings: dict[Channel, Standing] = field(default_factory=dict)
    refusals: dict[Channel, Refusals] = field(default_factory=dict)
    begun_anew: int = 0
    _born: tuple[int, int] = (0, 0)
    _at: datetime = _LONG_AGO
    _end: End | None = None
    _seen: array[int] = field(default_factory=lambda: array("q"))
    _next: int = 0

    @property
    def online(self) -> bool:
        """Whether its agent was connected when it last said so."""
        return self.presence is Presence.ONLINE

    @property
    def labels(self) -> dict[str, str]:
        """Its labels; none before its first status."""
        return {} if self.status is None else self.status.labels

    @property
    def arch(self) -> str | None:
        """Its architecture, if it told it."""
        return None if self.status is None else self.status.arch

    def follow(self, channel: Channel) -> FollowStatus | None:
        """What its status says of a channel."""
        follows = () if self.status is None else self.status.follows
        return next((one for one in follows if (one.product, one.channel) == channel), None)

    def describe(self, status: HostStatus, now: datetime, *, believed: bool = True) -> bool:
        """Take a status in, unless one of a later connection is known.

        A last will says that the host is gone, and describes nothing. One that is not `believed` makes
        nothing forgotten.
        """
        if status.is_will:
            return self._ended(End.told_by(status))
        born = status.start, status.connection
        if status.overtaken_by(self.status):
            return False
        if born < self._born:
            if not begins_anew(status, self._born[0], self._at, now):
                return False
            if believed:
                self.forget()
        self._born, self._at, self.status = born, status.at, status
        self.presence = presence_of(status, self._end)
        return True

    def _ended(self, end: End) -> bool:
        if not end.is_news(self._end):
            return False
        self._end, self.presence = end, presence_of(self.status, end)
        return True

    def forget(self) -> None:
        """The host has lost what it remembered: attempts and ids come a second time."""
        self.begun_anew += 1
        self._seen, self._next = array("q"), 0
        self.standings = {channel: forgotten(each) for channel, each in self.standings.items()}

    def first_time(self, event: UpdateEvent) -> bool:
        """Whether this event was not here before; remembers it. Another moment makes it another event."""
        mark = hash((event.id, event.time))
        if mark in self._seen:
            return False
        if len(self._seen) < _REMEMBERED:
            self._seen.append(mark)
        else:
            self._seen[self._next] = mark
            self._next = (self._next + 1) % _REMEMBERED
        return True

    def refuse(self, event: UpdateEvent, channel: Channel, now: datetime) -> None:
        """Count a message that the host refused."""
        before = self.refusals.get(channel)
        if before is None and len(self.refusals) >= MOST_CHANNELS:
            return
        count = 1 if before is None else before.count + 1
        self.refusals[channel] = Refusals(count, event.data.code, event.data.reason, now)


def begins_anew(status: HostStatus, start: int, at: datetime, now: datetime) -> bool:
    """Whether a host's starts count from the beginning again, as on one that was installed anew.

    A status that was overtaken looks the same, but for the time at which it was written.

    Args:
        status: of an earlier connection than is known, by its numbers.
        start: the start that is known.
        at: when the host told of that, by its clock.
        now: the present moment, by ours.
    """
    online = status.presence is Presence.ONLINE
    return online and status.start < start and at < status.at <= now + SKEW
