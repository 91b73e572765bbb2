"""The rows of a fleet, kept up to date: a word costs the same however many hosts there are. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.hosts import Fleet
from tidegate_fleet.listing.rows import left_its_name_alone, rows_of
from tidegate_fleet.listing.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tidegate_fleet.announced import Announced
    from tidegate_fleet.hosts import Channel, Host
    from tidegate_fleet.listing.choice import Choice
    from tidegate_fleet.listing.rows import Row
    from tidegate_schemas.status import HostStatus

MOST_CHANNELS: Final = 1000
"""Channels remembered. A cap: who may write to the broker can invent channels for ever."""


class Register:
    """The rows that are asked for, and their sum.

    Args:
        choice: which ones.

    Attributes:
        choice: the same.
        announced: what each channel holds.
        tally: the rows in numbers.
        passed_over: channels and words of hosts beyond what is remembered.
    """

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.announced: dict[Channel, Announced] = {}
        self.tally = Tally()
        self._fleet = Fleet()
        self._rows: dict[str, tuple[Row, ...]] = {}
        self._followed: dict[str, frozenset[Channel]] = {}
        self._followers: dict[Channel, set[str]] = {}
        self._channels_passed_over = 0
        self._name_alone: set[str] = set()

    @property
    def known(self) -> int:
        """Hosts that are known, asked for or not."""
        return len(self._fleet.hosts)

    @property
    def name_alone(self) -> int:
        """Of these, those of which nothing but the name is known: no label, channel or phase finds them."""
        return len(self._name_alone)

    def knows(self, host: str) -> bool:
        """Whether a host is known, asked for or not."""
        return host in self._fleet.hosts

    @property
    def passed_over(self) -> int:
        """See the class."""
        return self._fleet.refused + self._channels_passed_over

    def take(self, status: HostStatus, now: datetime) -> tuple[Row, ...]:
        """Take a status in; the host's rows that it made or changed."""
        host = self._fleet.take(status, now)
        if host is None:
            return ()
        self._note_follows(host)
        return self._place(host)

    def announce(self, channel: Channel, announced: Announced) -> None:
        """Take in what a channel holds: who follows it stands to it otherwise now."""
        if channel not in self.announced and len(self.announced) >= MOST_CHANNELS:
            self._channels_passed_over += 1
            return
        self.announced[channel] = announced
        self._place_followers(channel)

    def withdraw(self, channel: Channel) -> None:
        """A channel holds nothing any more."""
        if self.announced.pop(channel, None) is not None:
            self._place_followers(channel)

    def rows(self, most: int | None = None) -> list[Row]:
        """The rows in the order asked for, the first `most` of them."""
        return self.choice.in_order(self._all(), most)

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def _all(self) -> Iterator[Row]:
        for rows in self._rows.values():
            yield from rows

    def _note_follows(self, host: Host) -> None:
        follows = () if host.status is None else host.status.follows
        channels = frozenset((follow.product, follow.channel) for follow in follows)
        before = self._followed.get(host.name, frozenset())
        self._followed[host.name] = channels
        for channel in channels - before:
            self._followers.setdefault(channel, set()).add(host.name)
        for channel in before - channels:
            self._followers[channel].discard(host.name)
            if not self._followers[channel]:
                del self._followers[channel]

    def _place_followers(self, channel: Channel) -> None:
        for name in self._followers.get(channel, ()):
            self._place(self._fleet.hosts[name])

    def _place(self, host: Host) -> tuple[Row, ...]:
        if left_its_name_alone(host):
            self._name_alone.add(host.name)
        else:
            self._name_alone.discard(host.name)
        before = self._rows.pop(host.name, ())
        every = rows_of(host, self.announced)
        rows = tuple(row for row in every if self.choice.takes(row))
        self.tally.count(before, -1)
        self.tally.count(rows)
        if rows:
            self._rows[host.name] = rows
        # What leaves the list is told once more: else nobody would see why.
        known, places = set(map(_told, before)), {row.channel for row in (*before, *rows)}
        return tuple(row for row in every if row.channel in places and _told(row) not in known)


def _told(row: Row) -> tuple[object, ...]:
    """What makes a row worth telling again: all but when it was said."""
    waits = row.waiting_for, row.until, row.code, row.reason
    trouble = row.fault, row.warnings, row.events_dropped, row.begun_anew, row.stale_since, row.quarantined
    wave = None if row.wave is None else row.wave.name
    place = wave, row.waits_for_budget, tuple(sorted(row.labels.items()))
    stands = row.channel, row.online, row.phase, row.state, row.drift
    return *stands, *place, row.current, row.version, *waits, *trouble
