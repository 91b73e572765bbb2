"""What a watcher knows of one channel, and the pictures it makes of that. PURE.

Not for use by several threads: who listens leaves its words in an inbox.
"""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tidegate_fleet.announced import Announced
from tidegate_fleet.hosts import Fleet
from tidegate_fleet.phrases import clock, count
from tidegate_fleet.progress import SILENT_AFTER, Progress
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch import painting
from tidegate_fleet.watch.inbox import ConnectionSeen, Flooding, StatusSeen
from tidegate_fleet.watch.memory import Memory
from tidegate_fleet.watch.pace import Pace
from tidegate_fleet.watch.picture import Picture, Release
from tidegate_fleet.watch.plain import plain
from tidegate_fleet.words import RefusedEvent
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_fleet.hosts import Channel, Host
    from tidegate_fleet.standing import Standing
    from tidegate_fleet.watch.inbox import Heard
    from tidegate_fleet.watch.picture import EventLine, WaveLine
    from tidegate_fleet.words import HostEvent
    from tidegate_schemas.codes import TidegateError
    from tidegate_schemas.statement import ChannelStatement

QUIET: Final = timedelta(seconds=2)
"""MQTT does not say when all that was in store has come: it has when nothing came for so long."""

_SILENT_EVERY: Final = timedelta(seconds=1)


class Watched:
    """One channel and the hosts of the fleet.

    Args:
        channel: which one.
        silent_after: how long a host that activates may say nothing.
        believe_status: see hosts.Fleet.

    Attributes:
        channel: which one.
        fleet: all hosts that were heard of.
        progress: how far the release is; None before one is known.
        fault: why there will never be a connection; None while there may be.
        changes: grows with everything that a picture may show.
        releases: grows with every other image that the channel gets.
    """

    def __init__(
        self, channel: Channel, silent_after: timedelta = SILENT_AFTER, *, believe_status: bool = True
    ) -> None:
        self.channel = channel
        self.fleet = Fleet(believe_status=believe_status)
        self.progress: Progress | None = None
        self.fault: TidegateError | None = None
        self.changes = 0
        self.releases = 0
        self._seen: Announced | None = None
        self._memory = Memory(channel)
        self._pace = Pace()
        self._silent_after = silent_after
        self._silent: tuple[Host, ...] = ()
        self._silent_at: datetime | None = None
        self._lost: tuple[TidegateError, datetime] | None = None
        self._connected = False
        self._stored_at: datetime | None = None
        self._refusal = ""
        self._switched = ""
        self._refused_events: tuple[int, str] = (0, "")
        self._floods: deque[str] = deque(maxlen=3)
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
                    self._stored_at = now
                self.fleet.take(heard.status, now)
            case Announced():
                self._take_channel(heard, now)
            case ConnectionSeen():
                self._take_connection(heard, now)
            case RefusedEvent():
                words = f"{plain(heard.host)}: {plain(heard.reason)}"
                self._refused_events = self._refused_events[0] + 1, words
            case Flooding():
                if heard.host not in self._floods:
                    self._floods.append(heard.host)
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
        return self._connected and self._stored_at is not None and now - self._stored_at < QUIET

    def events_of(self, host: str) -> tuple[EventLine, ...]:
        """The newest events of a host that were seen here, the newest first."""
        return self._memory.events_of(host)

    def silent(self, now: datetime) -> tuple[Host, ...]:
        """Hosts that began to activate and come no further; looked for once in a second at most."""
        if self.progress is not None and (self._silent_at is None or now - self._silent_at >= _SILENT_EVERY):
            found = self.progress.silent(now, self._silent_after)
            self._silent = tuple(sorted(found, key=self._stuck_since))
            self._silent_at = now
        return tuple(host for host in self._silent if self._under_way(host))

    def _stuck_since(self, host: Host) -> tuple[datetime, str]:
        return host.standings[self.channel].since, host.name

    def _under_way(self, host: Host) -> bool:
        place = None if self.progress is None else self.progress.place(host.name)
        return place is not None and place[1] is Phase.ACTIVATING

    def picture(self, now: datetime) -> Picture:
        """What there is to show."""
        silent = self.silent(now)
        release = self._release(now)
        blank = Picture(
            channel=self.name,
            now=now,
            connected=self._connected,
            loading=self.loading(now),
            hosts=len(self.fleet.hosts),
            online=len(self.fleet.hosts) - len(self._offline),
            release=release,
            notices=tuple(self._notices(now)),
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
        self._connected = heard.fault is None
        if heard.fault is None:
            self._lost, self._stored_at = None, now
        else:
            self._lost = self._lost or (heard.fault, now)
            self.fault = heard.fault if heard.final else None

    def _take_channel(self, heard: Announced, now: datetime) -> None:
        new, old = heard.statement, self.statement
        if new is None:
            if heard.fault is not None:
                self._refusal = (
                    "what the channel holds now is NOT BELIEVED: "
                    f"{plain(heard.fault.reason)} [{heard.fault.code}]"
                )
            return
        if old is not None and new.predicate.sequence < old.predicate.sequence:
            self._refusal = (
                f"the broker hands out #{new.predicate.sequence}, which is older than #"
                f"{old.predicate.sequence}: it was not taken up"
            )
            return
        self._refusal = ""
        self._seen = heard
        if self.progress is None:
            self.progress = Progress(self.fleet, new)
            self.fleet.watch(self.progress)
        elif new != old:
            self.progress.restate(new)
        if old is not None and new.digest != old.digest:
            self._switch(old, new, now)

    def _switch(self, old: ChannelStatement, new: ChannelStatement, now: datetime) -> None:
        self.releases += 1
        self._pace.forget()
        self._silent_at, self._silent = None, ()
        self._switched = (
            f"another release since {clock(now, now)}: {plain(new.predicate.version, 60)} "
            f"in place of {plain(old.predicate.version, 60)}"
        )

    def _release(self, now: datetime) -> Release | None:
        return None if self._seen is None else painting.release(self._seen, now)

    def _speed(self, waves: tuple[WaveLine, ...], release: Release, now: datetime) -> painting.Speed | None:
        assert self.progress is not None  # noqa: S101 -- for the type checker: there is a picture to fill
        done = self.progress.count(*painting.FINAL)
        if self.loading(now):
            self._pace.forget()
        self._pace.note(now, done)
        startable = [wave for wave in waves if wave.gate is painting.OPEN]
        left = sum(number for wave in startable for phase, number in wave.counts.items() if not phase.final)
        if release.state is not RolloutState.ACTIVE:
            left = 0
        return self._pace.speed(now, done, left)

    def _notices(self, now: datetime) -> list[str]:
        notices = []
        if self._lost is not None:
            fault, since = self._lost
            notices.append(
                f"NO CONNECTION since {clock(since, now)}, trying again; the picture is of then: "
                f"{plain(fault.reason)} [{fault.code}]"
            )
        notices += [text for text in (self._refusal, self._switched) if text]
        if self._floods:
            told = ", ".join(map(plain, self._floods))
            notices.append(f"more words than are read of a host came from {told}")
        number, newest = self._refused_events
        if number:
            notices.append(f"{count(number)} events do not count, last of {newest}")
        if self.fleet.refused:
            notices.append(f"{count(self.fleet.refused)} words of hosts beyond the most that are kept")
        return notices
