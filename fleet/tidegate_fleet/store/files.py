"""The dossiers that a batch is about: read, and written back as far as they have changed."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, delete, func, select

from tidegate_fleet.dossier import Waiting, arch_of, release_of, waited
from tidegate_fleet.history import ReleaseKey
from tidegate_fleet.store import rows
from tidegate_fleet.store.placing import UNDIVIDED, newest_of_channels, newest_of_releases
from tidegate_fleet.store.schema import event, follow, host, label, passage, quarantine, standing, status
from tidegate_fleet.store.upserts import among, look_up, upsert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy.engine import Connection

    from tidegate_fleet.dossier import Dossier
    from tidegate_fleet.words import HostEvent
    from tidegate_schemas.status import HostStatus

_MOST_WAYS: Final = 256
"""Ways of one host beyond which only those are begun that a statement is about: it may invent releases."""

_MOST_SUMMED: Final = 500
"""Events of one way beyond which it is not summed up anew: an update has eight or so."""

_MANY: Final = 400
_EVENT_WAY: Final = (event.c.host, event.c.product, event.c.channel, event.c.digest)


class Files:
    """The dossiers of some hosts, whose rows are locked.

    Args:
        connection: within a transaction.
        known: the hosts that may be written.
        events: what is going to be taken in.
        statuses: the same.
    """

    def __init__(
        self,
        connection: Connection,
        known: Collection[str],
        events: Sequence[HostEvent],
        statuses: Sequence[HostStatus],
    ) -> None:
        self._connection = connection
        self._dossiers: dict[str, Dossier] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self._before: dict[tuple[str, ReleaseKey], rows.Values] = {}
        self._told = {
            (one.event.subject, key) for one in events if (key := release_of(one.event)) is not None
        }
        names = {one.event.subject for one in events} | {one.host for one in statuses}
        described = {one.host for one in statuses}
        self._read_hosts(sorted(names & set(known)), described)
        self._read_standings()
        self._relabelled = self._ways_of(
            sorted({one.host for one in statuses if one.labels != self._labels.get(one.host)})
        )
        targets = {(one.host, key) for one in statuses for key in _targets(one)}
        self._read_ways(self._told | self._relabelled | targets)
        self._spoken_of: set[ReleaseKey] = set()

    def dossier(self, name: str) -> Dossier:
        """The dossier of a host."""
        return self._dossiers[name]

    def releases(self) -> Iterator[rows.Values]:
        """The releases that were spoken of; after `save`."""
        return map(rows.key_columns, self._spoken_of)

    def save(self, events: Sequence[HostEvent]) -> None:
        """Write back what has changed, by these events among others, whose rows are not written yet."""
        dossiers = list(self._dossiers.values())
        described = [one for one in dossiers if one.described]
        self._save_descriptions(described)
        for one in described:
            self._labels[one.name] = dict(one.status.labels) if one.status else {}
        upsert(self._connection, host, [self._host_row(one) for one in dossiers])
        upsert(
            self._connection,
            standing,
            [
                {"host": one.name, "product": product, "channel": channel}
                | rows.standing_columns(one.standings[product, channel])
                for one in dossiers
                for product, channel in sorted(one.moved)
            ],
        )
        self._save_ways(dossiers, events)

    def _read_hosts(self, names: Sequence[str], described: Collection[str]) -> None:
        told = among(self._connection, host.c.name, sorted(described))
        joined = host.outerjoin(status, and_(status.c.host == host.c.name, told))
        for some in _some(names):
            chosen = (
                select(host, status.c.body)
                .select_from(joined)
                .where(among(self._connection, host.c.name, some))
            )
            for row in self._connection.execute(chosen):
                self._dossiers[row.name] = rows.dossier_of(row)
                self._labels[row.name] = json.loads(row.labels)

    def _read_standings(self) -> None:
        for some in _some(list(self._dossiers)):
            for row in self._connection.execute(
                select(standing).where(among(self._connection, standing.c.host, some))
            ):
                self._dossiers[row.host].standings[row.product, row.channel] = rows.standing_of(row)

    def _ways_of(self, names: Sequence[str]) -> set[tuple[str, ReleaseKey]]:
        """All ways of hosts: their waves depend on labels."""
        columns = passage.c.host, passage.c.product, passage.c.channel, passage.c.digest
        return {
            (row.host, ReleaseKey(row.product, row.channel, row.digest))
            for some in _some(names)
            for row in self._connection.execute(
                select(*columns).where(among(self._connection, passage.c.host, some))
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

    def _host_row(self, dossier: Dossier) -> rows.Values:
        row = rows.host_row(dossier)
        if not dossier.described:
            # What describes it was not read.
            row["labels"] = json.dumps(self._labels[dossier.name])
        return row

    def _save_descriptions(self, dossiers: Sequence[Dossier]) -> None:
        said = [one.status for one in dossiers if one.status is not None]
        # Labels hardly ever change, and have more rows than all the rest.
        relabelled = [one for one in said if dict(one.labels) != self._labels.get(one.host)]
        for table, whose in ((label, relabelled), (follow, said), (quarantine, said)):
            for some in _some([one.host for one in whose]):
                self._connection.execute(delete(table).where(among(self._connection, table.c.host, some)))
        body = [{"host": one.host, "body": one.to_json().decode()} for one in said]
        upsert(self._connection, status, body)
        upsert(self._connection, label, [row for one in relabelled for row in rows.label_rows(one)])
        upsert(self._connection, quarantine, [row for one in said for row in rows.quarantine_rows(one)])
        upsert(self._connection, follow, self._follows(said))

    def _follows(self, said: Sequence[HostStatus]) -> list[rows.Values]:
        found = [(one, row) for one in said for row in rows.follow_rows(one)]
        channels = {(row["product"], row["channel"]) for _, row in found}
        divisions = newest_of_channels(self._connection, channels)
        for one, row in found:
            division = divisions.get((row["product"], row["channel"]), UNDIVIDED)
            row["wave"] = division.wave_meant(one.host, one.labels, arch_of(one))
            row["placed"] = division.placed
        return [row for _, row in found]

    def _save_ways(self, dossiers: Sequence[Dossier], events: Sequence[HostEvent]) -> None:
        places = {(one.name, key) for one in dossiers for key in one.trodden} | self._relabelled
        divisions = newest_of_releases(self._connection, {key for _, key in places})
        trodden = [(self._dossiers[name], key) for name, key in self._with_room(places, divisions)]
        self._spoken_of = {key for one, key in trodden if key in one.trodden}
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
        for some in _some(names):
            these = among(self._connection, passage.c.host, some)
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


def _some(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _MANY):
        yield names[start : start + _MANY]
