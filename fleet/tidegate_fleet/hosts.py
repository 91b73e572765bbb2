"""The hosts of a fleet. PURE.

Holds one record for each host and tells who listens what changed; an event costs the same whether there are
ten hosts or fifty thousand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from tidegate_fleet.host import MOST_CHANNELS, Channel, Host
from tidegate_fleet.order import after
from tidegate_fleet.standing import Phase, Standing, told_by_event, told_by_status
from tidegate_schemas.events import Step
from tidegate_schemas.status import HostStatus, Presence

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_fleet.words import HostEvent
    from tidegate_schemas.events import UpdateEvent
    from tidegate_schemas.status import FollowStatus

__all__ = ["MOST_CHANNELS", "MOST_HOSTS", "Channel", "Fleet", "Host", "Watcher"]

MOST_HOSTS: Final = 250_000
"""Hosts remembered. A cap: who may write to the broker can invent hosts for ever."""


class Watcher(Protocol):
    """Is told what changes."""

    def moved(self, host: Host, channel: Channel, before: Standing | None) -> None:
        """A host stands elsewhere in a channel; `host.standings` has where."""
        ...

    def described(self, host: Host) -> None:
        """A host has a new status: presence, labels, what it follows and runs."""
        ...


class Fleet:
    """All hosts that were heard of.

    Args:
        most: how many hosts are remembered.
        believe_status: whether a status tells how far a host is. It is signed by nobody: who asks for signed
            events takes presence, labels and what is followed from it, and nothing else: no standing is
            made, changed or forgotten by it.

    Attributes:
        hosts: by id.
        refused: how many words of hosts beyond the cap were passed over.
    """

    def __init__(self, most: int = MOST_HOSTS, *, believe_status: bool = True) -> None:
        self.hosts: dict[str, Host] = {}
        self.refused = 0
        self._most = most
        self._believe_status = believe_status
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
        if not host.first_time(heard.event):
            return None
        host.heard = now
        self._take_event(host, heard.event, now)
        return host

    def _host(self, name: str, now: datetime) -> Host | None:
        host = self.hosts.get(name)
        if host is None and len(self.hosts) < self._most:
            host = self.hosts[name] = Host(name, now)
        elif host is None:
            self.refused += 1
        return host

    def _take_event(self, host: Host, event: UpdateEvent, now: datetime) -> None:
        said = event.data
        if said.step is Step.DAMAGED:
            host.forget()
        if said.product is None or said.channel is None:
            return
        channel = said.product, said.channel
        if said.step is Step.REJECTED and said.digest is None:
            host.refuse(event, channel, now)
        self._move(host, channel, told_by_event(event, now))

    def _take_status(self, host: Host, status: HostStatus, now: datetime) -> bool:
        if not host.describe(status, now, believed=self._believe_status):
            return False
        host.heard = now
        if status.presence is Presence.ONLINE and self._believe_status:
            # What it follows no longer it will say no more of.
            follows = {(follow.product, follow.channel) for follow in status.follows}
            for channel in host.standings.keys() - follows:
                del host.standings[channel]
            for follow in status.follows:
                if _was_installed_anew(host, status, follow):
                    del host.standings[follow.product, follow.channel]
        for watcher in self._watchers:
            watcher.described(host)
        if self._believe_status:
            for follow in status.follows:
                self._move(host, (follow.product, follow.channel), told_by_status(status, follow, now))
        return True

    def _move(self, host: Host, channel: Channel, new: Standing | None) -> None:
        old = host.standings.get(channel)
        if new is None or (old is None and len(host.standings) >= MOST_CHANNELS):
            return
        stands = after(old, new)
        if stands is None:
            return
        host.standings[channel] = stands
        for watcher in self._watchers:
            watcher.moved(host, channel, old)


def _was_installed_anew(host: Host, status: HostStatus, follow: FollowStatus) -> bool:
    """Whether a host that had succeeded knows nothing of that any more, and runs another image."""
    stands = host.standings.get((follow.product, follow.channel))
    if stands is None or stands.phase is not Phase.SUCCEEDED or follow.target is not None:
        return False
    return follow.current not in {None, stands.digest} and status.at > stands.at
