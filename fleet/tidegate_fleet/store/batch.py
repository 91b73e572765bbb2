"""One batch of words, in one transaction, each of them once.

1. the rows of all hosts concerned are made and locked, in the order of their names: writers that share hosts
   wait for each other, and never in a circle
2. events that are here already are sorted out by their id; one with another content is a collision; of what
   is new, the gate lets in what its host may say
3. the dossiers are read, changed as `tidegate_fleet.dossier` says, and written back
4. the new events are written last, on PostgreSQL under a lock: events get their numbers in the order in which
   they become visible, so that who reads on from a number misses none
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, text, update

from tidegate_fleet.history import EventRecord, StatementRecord
from tidegate_fleet.store.files import Files
from tidegate_fleet.store.gate import Gate
from tidegate_fleet.store.releases import begin_releases
from tidegate_fleet.store.rows import Word, event_row
from tidegate_fleet.store.schema import collector, event, host
from tidegate_fleet.store.upserts import among, insert_new, look_up, upsert
from tidegate_fleet.words import HostEvent
from tidegate_schemas.status import HostStatus, Presence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from tidegate_fleet.store.rows import Values

# Held from the first event's number to the commit; "even" in ASCII.
_NUMBERING: Final = 0x6576656E


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch.

    Attributes:
        events: the new ones.
        statuses: how many told something new.
        statements: how many were new.
        again: words that were here before.
        collided: events with the id and not the content of an earlier one, by host.
        flooded: words that the gate did not let in, by host.
        strangers: words of hosts beyond the cap.
    """

    events: tuple[EventRecord, ...] = ()
    statuses: int = 0
    statements: int = 0
    again: int = 0
    collided: Mapping[str, int] = field(default_factory=dict)
    flooded: Mapping[str, int] = field(default_factory=dict)
    strangers: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What of a batch is taken in.

    Attributes:
        gate: how much of each host is heard.
        most_hosts: hosts remembered.
        gone_before: a last will from before that brings no host back; None: any does.
    """

    gate: Gate
    most_hosts: int
    gone_before: datetime | None


class Batch:
    """One transaction.

    Args:
        connection: within it.
        now: the present moment.
        name: of the collector.
        limits: what is taken in.
    """

    def __init__(self, connection: Connection, now: datetime, name: str, limits: Limits) -> None:
        self._connection = connection
        self._now = now
        self._name = name
        self._limits = limits
        self._flooded = Counter[str]()

    def write(self, words: Sequence[Word]) -> Written:
        """Take words in, in the order in which they came."""
        told = {id(word): _speaker(word) for word in words}
        gone = self._gone(words)
        known = self._lock({name for name in told.values() if name is not None}, gone)
        heard = [word for word in words if told[id(word)] in known]
        rows, again, collided = self._sort_out([word for word in heard if isinstance(word, HostEvent)])
        new = [one for one, _ in rows]
        told_by = [word for word in heard if isinstance(word, HostStatus)]
        files = Files(self._connection, known, new, told_by)
        for one in new:
            files.dossier(one.event.subject).take_event(one, self._now)
        statuses, old = self._describe(files, told_by)
        # Events are summed up from their rows; numbers are given out last.
        files.save(new)
        begin_releases(self._connection, list(files.releases()), self._now)
        self._count(collided)
        return Written(
            events=self._events(rows),
            statuses=statuses,
            again=again + old,
            collided=collided,
            flooded=self._flooded,
            strangers=sum(name is not None and name not in known | gone for name in told.values()),
        )

    def _gone(self, words: Sequence[Word]) -> set[str]:
        """Hosts of which nothing is told but an end from before what is remembered.

        The broker keeps these for ever, and tells them to whoever connects.
        """
        before, gone, here = self._limits.gone_before, set[str](), set[str]()
        if before is None:
            return gone
        for word in words:
            if isinstance(word, HostStatus) and word.presence is Presence.OFFLINE and word.at < before:
                gone.add(word.host)
            elif (name := _speaker(word)) is not None:
                here.add(name)
        return gone - here

    def _describe(self, files: Files, told: Sequence[HostStatus]) -> tuple[int, int]:
        """Take statuses in: how many told something new, and how many did not."""
        gate, new, old = self._limits.gate, 0, 0
        for one in told:
            if not gate.admits_status(one.host):
                self._flooded[one.host] += 1
            elif files.dossier(one.host).take_status(one, self._now):
                gate.took_status(one.host)
                new += 1
            else:
                old += 1
        return new, old

    def _lock(self, names: set[str], gone: set[str]) -> set[str]:
        """Lock the rows of hosts, and make those of hosts that are not gone; which there is room for."""
        chosen = sorted(names)
        these = among(self._connection, host.c.name, chosen)
        locked = select(host.c.name).where(these).order_by(host.c.name).with_for_update()
        while True:
            there = set(self._connection.scalars(select(host.c.name).where(these)))
            self._begin([name for name in chosen if name not in there | gone])
            found = set(self._connection.scalars(locked))
            # A host may have been forgotten between the two looks: then it begins anew.
            if found >= there:
                return found

    def _begin(self, names: list[str]) -> None:
        if not names:
            return
        count = self._connection.scalar(select(func.count()).select_from(host)) or 0
        blank = {"presence": "offline", "start": 0, "connection": 0, "labels": "{}", "heard": self._now}
        some = names[: max(self._limits.most_hosts - count, 0)]
        insert_new(self._connection, host, [{"name": name, **blank} for name in some])

    def _sort_out(
        self, heard: Sequence[HostEvent]
    ) -> tuple[list[tuple[HostEvent, Values]], int, Counter[str]]:
        """The new events with their rows, how many came again, and whose ids collided with earlier ones."""
        rows = [(one, event_row(one, self._now)) for one in heard]
        bodies = self._bodies([(row["host"], row["id"]) for _, row in rows])
        new: list[tuple[HostEvent, Values]] = []
        again, collided = 0, Counter[str]()
        for one, row in rows:
            place = row["host"], row["id"]
            if bodies.get(place) == row["body"]:
                again += 1
            elif not self._limits.gate.admits(one.event):
                self._flooded[row["host"]] += 1
            elif place in bodies:
                collided[row["host"]] += 1
            else:
                bodies[place] = row["body"]
                new.append((one, row))
        return new, again, collided

    def _bodies(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        if not places:
            return {}
        keys = event.c.host, event.c.id
        asked = look_up(self._connection, (*keys, event.c.body), keys, sorted(set(places)))
        return {(row.host, row.id): row.body for row in self._connection.execute(asked)}

    def _events(self, new: Sequence[tuple[HostEvent, Values]]) -> tuple[EventRecord, ...]:
        if not new:
            return ()
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _NUMBERING})
        events = {(row["host"], row["id"]): one for one, row in new}
        inserted = insert_new(self._connection, event, [row for _, row in new], event.c.number)
        counted = {"name": self._name, "events": len(inserted), "newest": self._now}
        upsert(self._connection, collector, [counted], add=("events",))
        records = [
            EventRecord(row["number"], one.event, self._now, one.verified)
            for row in inserted
            for one in [events[row["host"], row["id"]]]
        ]
        return tuple(sorted(records, key=lambda record: record.number))

    def _count(self, collided: Mapping[str, int]) -> None:
        for name in sorted({*self._flooded, *collided}):
            more = {"flooded": self._flooded[name], "collided": collided.get(name, 0)}
            changed = {column: host.c[column] + value for column, value in more.items()}
            self._connection.execute(update(host).where(host.c.name == name).values(changed))


def _speaker(word: Word) -> str | None:
    match word:
        case HostEvent():
            return word.event.subject
        case HostStatus():
            return word.host
        case StatementRecord():
            return None
