"""The rows in numbers, kept up to date as rows come and go. PURE."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from tidegate_fleet.hosts import Channel
from tidegate_fleet.listing.drift import Drift

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_fleet.listing.rows import Row

Key = TypeVar("Key")


@dataclass(slots=True)
class ChannelTally:
    """The rows of one channel.

    Attributes:
        drifts: hosts by how they stand to what the channel holds.
        running: hosts by digest and version that they run.
        waits: hosts by what they wait for.
        until: hosts by the moment until which they wait for their window.
        stale: hosts whose newest statement has expired.
        refused: messages that hosts refused since their agents started.
    """

    drifts: Counter[Drift] = field(default_factory=Counter)
    running: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)
    until: Counter[datetime] = field(default_factory=Counter)
    stale: int = 0
    refused: int = 0

    @property
    def hosts(self) -> int:
        """How many there are."""
        return self.drifts.total()

    def windows(self) -> tuple[datetime, datetime] | None:
        """When the first and the last of those who wait for their window may begin; None: nobody does."""
        moments = [moment for moment, number in self.until.items() if number > 0]
        return (min(moments), max(moments)) if moments else None


@dataclass(slots=True)
class Tally:
    """All rows.

    Attributes:
        hosts: hosts that have a row.
        online: of these, connected.
        channels: the rows of each channel.
        quarantined: hosts by digest that they never try again, in whatever channel.
        faults: hosts that act upon nothing.
        warned: hosts about whose trusted root a person has to do something.
        dropping: hosts that gave events up.
        events_dropped: how many, together.
        begun_anew: hosts whose counts began again while they were listened to.
    """

    hosts: int = 0
    online: int = 0
    channels: dict[Channel, ChannelTally] = field(default_factory=dict)
    quarantined: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    warned: int = 0
    dropping: int = 0
    events_dropped: int = 0
    begun_anew: int = 0

    def count(self, rows: Iterable[Row], sign: int = 1) -> None:
        """Count the rows of one host in, or (sign -1) out."""
        rows = tuple(rows)
        for row in rows:
            self._count_follow(row, sign)
        for digest in {digest for row in rows for digest in row.quarantined}:
            _add(self.quarantined, digest, sign)
        if not rows:
            return
        row = rows[0]
        self.hosts += sign
        self.online += sign * row.online
        self.faults += sign * bool(row.fault)
        self.warned += sign * bool(row.warnings)
        self.dropping += sign * bool(row.events_dropped)
        self.events_dropped += sign * row.events_dropped
        self.begun_anew += sign * bool(row.begun_anew)

    def most_quarantined(self, most: int) -> list[tuple[str, int]]:
        """The digests that most hosts quarantined."""
        return heapq.nsmallest(most, self.quarantined.items(), key=lambda item: (-item[1], item[0]))

    def _count_follow(self, row: Row, sign: int) -> None:
        if row.channel is None or row.drift is None:
            return
        tally = self.channels.setdefault(row.channel, ChannelTally())
        _add(tally.drifts, row.drift, sign)
        _add(tally.running, (row.current, row.version), sign)
        if row.waiting_for is not None:
            _add(tally.waits, row.waiting_for, sign)
        if row.waiting_for == "window" and row.until is not None:
            _add(tally.until, row.until, sign)
        tally.stale += sign * (row.stale_since is not None)
        tally.refused += sign * row.refused
        if not tally.hosts:
            del self.channels[row.channel]


def _add(counts: Counter[Key], key: Key, sign: int) -> None:
    counts[key] += sign
    if not counts[key]:
        del counts[key]
