"""Ways through releases: those that a batch is about, read, and written back as far as they have changed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from tidegate_fleet.dossier import Waiting, release_of, waited
from tidegate_fleet.history import ReleaseKey
from tidegate_fleet.store import rows
from tidegate_fleet.store.placing import UNDIVIDED, newest_of_releases
from tidegate_fleet.store.schema import event, passage
from tidegate_fleet.store.upserts import among, look_up, some, upsert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from tidegate_fleet.dossier import Dossier
    from tidegate_fleet.words import HostEvent
    from tidegate_schemas.status import HostStatus

_MOST_WAYS: Final = 256
"""Ways of one host beyond which only those are begun that a statement is about: it may invent releases."""

_MOST_SUMMED: Final = 500
"""Events of one way beyond which it is not summed up anew: an update has eight or so."""

_EVENT_WAY: Final = (event.c.host, event.c.product, event.c.channel, event.c.digest)


class Ways:
    """The ways of some hosts, whose rows are locked.

    Args:
        connection: within a transaction.
        dossiers: of these hosts; what is read goes there.
        labels: of these hosts, by name, as they are once all is saved.

    Attributes:
        spoken_of: the releases that were; after `save`.
    """

    def __init__(
        self,
        connection: Connection,
        dossiers: Mapping[str, Dossier],
        labels: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._connection = connection
        self._dossiers = dossiers
        self._labels = labels
        self._before: dict[tuple[str, ReleaseKey], rows.Values] = {}
        self._told = set[tuple[str, ReleaseKey]]()
        self._relabelled = set[tuple[str, ReleaseKey]]()
        self.spoken_of = set[ReleaseKey]()

    def read(self, events: Sequence[HostEvent], statuses: Sequence[HostStatus]) -> None:
        """Read those that these words are about, and all of a host whose labels change: its waves do."""
        self._told = {
            (one.event.subject, key) for one in events if (key := release_of(one.event)) is not None
        }
        self._relabelled = self._ways_of(
            sorted(
                {one.host for one in statuses if not one.is_will and one.labels != self._labels.get(one.host)}
            )
        )
        targets = {(one.host, key) for one in statuses for key in _targets(one)}
        self._read_ways(self._told | self._relabelled | targets)

    def _ways_of(self, names: Sequence[str]) -> set[tuple[str, ReleaseKey]]:
        columns = passage.c.host, passage.c.product, passage.c.channel, passage.c.digest
        return {
            (row.host, ReleaseKey(row.product, row.channel, row.digest))
            for part in some(names)
            for row in self._connection.execute(
                select(*columns).where(among(self._connection, passage.c.host, part))
            )
        }

    def _read_ways(self, wanted: Collection[tuple[str, ReleaseKey]]) -> None:
        columns = passage.c.product, passage.c.channel, passage.c.digest, passage.c.host
        places = sorted((key.product, key.channel, key.digest, name) for name, key in wanted)
        if not places:
            return
        for row in self._connection.execute(look_up(self._connection, tuple(passage.c), columns, places)):
            key = ReleaseKey(row.product, row.channel, row.digest)
            self._dossiers[row.host].ways[key] = rows.way_of(row)
            self._before[row.host, key] = dict(row._mapping)  # noqa: SLF001 -- documented

    def save(self, events: Sequence[HostEvent]) -> None:
        """Write back what has changed, by these events among others, whose rows are not written yet."""
        dossiers = self._dossiers.values()
        places = {(one.name, key) for one in dossiers for key in one.trodden} | self._relabelled
        divisions = newest_of_releases(self._connection, {key for _, key in places})
        trodden = [(self._dossiers[name], key) for name, key in self._with_room(places, divisions)]
        self.spoken_of = {key for one, key in trodden if key in one.trodden}
        self._sum_up([(one, key) for one, key in trodden if (one.name, key) in self._told], events)
        changed: list[rows.Values] = []
        for one, key in trodden:
            division = divisions.get(key, UNDIVIDED)
            row = rows.key_columns(key) | rows.way_columns(one.ways[key])
            row["host"] = one.name
            row["wave"] = division.wave(one.name, self._labels[one.name])
            row["placed"] = division.placed
            if row != self._before.get((one.name, key)):
                changed.append(row)
        upsert(self._connection, passage, changed)

    def _with_room(
        self, places: Collection[tuple[str, ReleaseKey]], stated: Collection[ReleaseKey]
    ) -> list[tuple[str, ReleaseKey]]:
        """Without the ways that are one too many of their host: new ones, and no statement is about them."""
        kept, invented = list[tuple[str, ReleaseKey]](), list[tuple[str, ReleaseKey]]()
        for place in sorted(places, key=_in_order):
            known = place in self._before or place[1] in stated
            (kept if known else invented).append(place)
        counts = self._count_ways(sorted({name for name, _ in invented}))
        for name, key in invented:
            counts[name] += 1
            if counts[name] <= _MOST_WAYS:
                kept.append((name, key))
        return kept

    def _count_ways(self, names: Sequence[str]) -> Counter[str]:
        counts = Counter[str]()
        for part in some(names):
            these = among(self._connection, passage.c.host, part)
            counted = select(passage.c.host, func.count()).where(these).group_by(passage.c.host)
            counts.update({row[0]: row[1] for row in self._connection.execute(counted)})
        return counts

    def _sum_up(self, told: Sequence[tuple[Dossier, ReleaseKey]], events: Sequence[HostEvent]) -> None:
        """What hosts waited for that have come to an end; what of it was forgotten since stays counted."""
        ended = {
            (one.name, key): way
            for one, key in told
            for way in [one.ways[key]]
            if way.standing.phase.final and way.events <= _MOST_SUMMED
        }
        found: dict[tuple[str, ReleaseKey], list[Waiting]] = {place: [] for place in ended}
        for one in events:
            place = one.event.subject, release_of(one.event)
            if place in found:
                found[place].append((one.event.time, one.event.id, one.event.data.waiting_for))
        columns = *_EVENT_WAY, event.c.at, event.c.id, event.c.waiting_for
        ways = sorted((name, key.product, key.channel, key.digest) for name, key in ended)
        if ways:
            for row in self._connection.execute(look_up(self._connection, columns, _EVENT_WAY, ways)):
                place = row.host, ReleaseKey(row.product, row.channel, row.digest)
                found[place].append((row.at, row.id, row.waiting_for))
        for place, way in ended.items():
            # Where events are missing that were counted, they were forgotten: what they told stays.
            if len(found[place]) >= way.events:
                way.waited_for = waited(found[place])


def _targets(said: HostStatus) -> Iterator[ReleaseKey]:
    for one in said.follows:
        if one.target is not None:
            yield ReleaseKey(one.product, one.channel, one.target)


def _in_order(place: tuple[str, ReleaseKey]) -> tuple[str, ...]:
    name, key = place
    return name, key.product, key.channel, key.digest
