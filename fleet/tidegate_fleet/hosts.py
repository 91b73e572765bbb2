"""The hosts of a fleet, as they describe themselves. PURE.

Holds one record for each host and tells who listens what changed; an event costs the same whether there are
ten hosts or fifty thousand.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from tidegate_fleet.standing import Standing, replaces, told_by_event, told_by_status
from tidegate_schemas.status import FollowStatus, HostStatus, Presence

if TYPE_CHECKING:
    from tidegate_fleet.words import HostEvent

Channel = tuple[str, str]
"""A product and a channel of it."""

MOST_HOSTS: Final = 1_000_000
"""Hosts remembered. A cap: who may write to the broker can invent hosts for ever."""

_REMEMBERED: Final = 64
"""Event ids remembered of each host: a redelivery comes soon, or is no longer the newest word anyway."""


@dataclass(slots=True)
class Host:
    """What is known of one host.

    Attributes:
        name: its id.
        heard: when it last said anything, by our clock.
        status: the newest status in which it described itself, if one came.
        presence: what its newest status says, be it a last will, which describes nothing.
        standings: where it stands in each channel.
    """

    name: str
    heard: datetime
    status: HostStatus | None = None
    presence: Presence = Presence.OFFLINE
    standings: dict[Channel, Standing] = field(default_factory=dict)
    _born: tuple[int, int] = (0, 0)
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)

    @property
    def online(self) -> bool:
        """Whether its agent was connected when it last said so."""
        return self.presence is Presence.ONLINE

    @property
    def labels(self) -> dict[str, str]:
        """Its labels; none before its first status."""
        return {} if self.status is None else self.status.labels

    def follow(self, channel: Channel) -> FollowStatus | None:
        """What its status says of a channel."""
        follows = () if self.status is None else self.status.follows
        return next((one for one in follows if (one.product, one.channel) == channel), None)

    def describe(self, status: HostStatus) -> bool:
        """Take a status in, unless one of a later connection is known.

        A last will was written when its connection began: it says no more than that the host is gone.
        """
        born = status.start, status.connection
        if born < self._born:
            return False
        self._born, self.presence = born, status.presence
        if status.presence is Presence.ONLINE or self.status is None:
            self.status = status
        return True

    def first_time(self, event_id: str) -> bool:
        """Whether this event was not here before; remembers it."""
        if event_id in self._seen:
            self._seen.move_to_end(event_id)
            return False
        self._seen[event_id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return True


class Watcher(Protocol):
    """Is told what changes."""

    def moved(self, host: Host, channel: Channel, before: Standing | None) -> None:
        """A host stands elsewhere in a channel; `host.standings` has where."""
        ...

    def described(self, host: Host) -> None:
        """A host has a new status: presence, labels, what it runs."""
        ...


class Fleet:
    """All hosts that were heard of.

    Attributes:
        hosts: by id.
        refused: how many words of hosts beyond the cap were passed over.
    """

    def __init__(self, most: int = MOST_HOSTS) -> None:
        self.hosts: dict[str, Host] = {}
        self.refused = 0
        self._most = most
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Tell somebody of what changes from now on."""
        self._watchers.append(watcher)

    def take(self, heard: HostEvent | HostStatus, now: datetime) -> Host | None:
        """Take a word in.

        Args:
            heard: an event or a status, as `words.read_host_message` read it.
            now: the present moment, by our clock.

        Returns:
            The host, or None when the word was heard before, is older than what is known, or one too many.
        """
        host = self._host(heard.host if isinstance(heard, HostStatus) else heard.event.subject, now)
        if host is None:
            return None
        if isinstance(heard, HostStatus):
            return host if self._take_status(host, heard, now) else None
        if not host.first_time(heard.event.id):
            return None
        host.heard = now
        said = heard.event.data
        if said.product is not None and said.channel is not None:
            self._move(host, (said.product, said.channel), told_by_event(heard.event, now))
        return host

    def _host(self, name: str, now: datetime) -> Host | None:
        host = self.hosts.get(name)
        if host is None and len(self.hosts) < self._most:
            host = self.hosts[name] = Host(name, now)
        elif host is None:
            self.refused += 1
        return host

    def _take_status(self, host: Host, status: HostStatus, now: datetime) -> bool:
        if not host.describe(status):
            return False
        host.heard = now
        for watcher in self._watchers:
            watcher.described(host)
        for follow in status.follows:
            self._move(host, (follow.product, follow.channel), told_by_status(status, follow, now))
        return True

    def _move(self, host: Host, channel: Channel, new: Standing | None) -> None:
        old = host.standings.get(channel)
        if new is None or (old is not None and not replaces(new, old)):
            return
        host.standings[channel] = new
        for watcher in self._watchers:
            watcher.moved(host, channel, old)
