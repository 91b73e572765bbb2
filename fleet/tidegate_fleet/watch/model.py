"""What a watcher knows of one channel, and the pictures it makes of that. PURE.

Not for use by several threads: who listens leaves its words in an inbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_fleet.announced import Announced
from tidegate_fleet.hosts import Fleet
from tidegate_fleet.progress import SILENT_AFTER, Progress
from tidegate_fleet.watch import painting
from tidegate_fleet.watch.ending import Goal
from tidegate_fleet.watch.inbox import ConnectionSeen, Flooding, StatusSeen
from tidegate_fleet.watch.memory import Memory
from tidegate_fleet.watch.notices import Notices
from tidegate_fleet.watch.pace import Pace
from tidegate_fleet.watch.picture import Picture, Release
from tidegate_fleet.watch.silence import Silence
from tidegate_fleet.watch.store import Store
from tidegate_fleet.words import RefusedEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from tidegate_fleet.hosts import Channel, Host
    from tidegate_fleet.standing import Standing
    from tidegate_fleet.watch.inbox import Heard
    from tidegate_fleet.watch.picture import EventLine, WaveLine
    from tidegate_fleet.words import HostEvent
    from tidegate_schemas.codes import TidegateError
    from tidegate_schemas.statement import ChannelStatement


class Watched:
    """One channel and the hosts of the fleet.

    Args:
        channel: which one.
        silent_after: how long a host that activates may say nothing.
        believe_status: see hosts.Fleet.
        goal: which release is watched to its end.

    Attributes:
        channel: which one.
        goal: the same.
        fleet: all hosts that were heard of.
        progress: how far the release is; None before one is known.
        fault: why there will never be a connection; None while there may be.
        changes: grows with everything that a picture may show.
        releases: grows with every other image that the channel gets.
    """

    def __init__(
        self,
        channel: Channel,
        silent_after: timedelta = SILENT_AFTER,
        *,
        believe_status: bool = True,
        goal: Goal = Goal(),  # noqa: B008 -- frozen
    ) -> None:
        self.channel = channel
        self.goal = goal
        self.fleet = Fleet(believe_status=believe_status)
        self.progress: Progress | None = None
        self.fault: TidegateError | None = None
        self.changes = 0
        self.releases = 0
        self._seen: Announced | None = None
        self._memory = Memory(channel)
        self._pace = Pace()
        self._silence = Silence(channel, silent_after)
        self._notices = Notices()
        self._store = Store()
        self._offline: set[str] = set()
        self.fleet.watch(self)

    @property
    def name(self) -> str:
        """`os/stable`."""
        return "/".join(self.channel)

    @property
    def statement(self) -> ChannelStatement | None:
        """What the channel holds, as far as it is believed."""
        return None if self._seen is None else self._seen.statement

    @property
    def kept(self) -> int:
        """Hosts and events that are kept, as a measure of what there is in memory."""
        return len(self.fleet.hosts) + self._memory.kept

    def take(self, heard: Heard, now: datetime) -> None:
        """Take a word in."""
        self.changes += 1
        match heard:
            case StatusSeen():
                if heard.retained:
                    self._store.came(now)
                self.fleet.take(heard.status, now)
            case Announced():
                self._take_channel(heard, now)
            case ConnectionSeen():
                self._take_connection(heard, now)
            case RefusedEvent():
                self._notices.refused(heard)
            case Flooding():
                self._notices.flood(heard.host)
            case _:
                self._take_event(heard, now)

    def moved(self, host: Host, channel: Channel, before: Standing | None) -> None:
        """See hosts.Watcher."""

    def described(self, host: Host) -> None:
        """See hosts.Watcher."""
        if host.online:
            self._offline.discard(host.name)
        else:
            self._offline.add(host.name)

    def loading(self, now: datetime) -> bool:
        """Whether what the broker had in store still comes in."""
        return self._store.loading(now)

    def events_of(self, host: str) -> tuple[EventLine, ...]:
        """The newest events of a host that were seen here, the newest first."""
        return self._memory.events_of(host)

    def silent(self, now: datetime) -> tuple[Host, ...]:
        """Hosts that began to activate and came no further, the longest silent first."""
        return () if self.progress is None else self._silence.hosts(self.progress, now)

    def picture(self, now: datetime) -> Picture:
        """What there is to show."""
        silent = self.silent(now)
        release = self._release(now)
        blank = Picture(
            channel=self.name,
            now=now,
            connected=self._store.connected,
            loading=self.loading(now),
            hosts=len(self.fleet.hosts),
            online=len(self.fleet.hosts) - len(self._offline),
            release=release,
            notices=tuple(self._told(release, now)),
            events=self._memory.newest(),
        )
        if self.progress is None or release is None:
            return blank
        waves = painting.wave_lines(self.progress, silent, now)
        return painting.filled(blank, self.progress, waves, silent, self._speed(waves, release, now))

    def _take_event(self, heard: HostEvent, now: datetime) -> None:
        if self.fleet.take(heard, now) is not None:
            self._memory.take(heard.event, now)

    def _take_connection(self, heard: ConnectionSeen, now: datetime) -> None:
        self._store.connection(now, stands=heard.fault is None)
        self._notices.connection(heard.fault, now)
        if heard.fault is not None:
            self.fault = heard.fault if heard.final else None

    def _take_channel(self, heard: Announced, now: datetime) -> None:
        new, old = heard.statement, self.statement
        if new is None:
            if heard.fault is not None:
                self._notices.unbelieved(heard.fault)
            return
        if old is not None and new.predicate.sequence < old.predicate.sequence:
            self._notices.older(old, new)
            return
        self._notices.refusal = ""
        self._seen = heard
        if self.progress is None:
            runner = new.predicate.rollout.runner
            first = 0 if runner is None or runner.first is None else runner.first
            self.progress = Progress(self.fleet, new, first)
            self.fleet.watch(self.progress)
        elif new != old:
            self.progress.restate(new)
        if old is not None and new.digest != old.digest:
            self._switch(old, new, now)

    def _switch(self, old: ChannelStatement, new: ChannelStatement, now: datetime) -> None:
        self.releases += 1
        self._pace.forget()
        self._silence.forget()
        self._notices.switch(old, new, now)

    def _release(self, now: datetime) -> Release | None:
        return None if self._seen is None else painting.release(self._seen, now)

    def _speed(self, waves: tuple[WaveLine, ...], release: Release, now: datetime) -> painting.Speed | None:
        assert self.progress is not None  # noqa: S101 -- for the type checker: there is a picture to fill
        ended = self.progress.count(*painting.FINAL)
        if self.loading(now):
            self._pace.forget()
        self._pace.note(now, ended)
        return self._pace.speed(now, ended, painting.remaining(release, waves))

    def _told(self, release: Release | None, now: datetime) -> Iterator[str]:
        yield from self._notices.told(now, self.fleet.refused)
        # What was refused is no sign that nothing is there.
        if self._store.connected and not self.loading(now) and not self._notices.refusal:
            yield from filter(None, (self.goal.waits(self.name, release),))
