"""The dossiers that a batch is about: read, and written back as far as they have changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, select

from tidegate_fleet.dossier import arch_of
from tidegate_fleet.store import rows
from tidegate_fleet.store.placing import UNDIVIDED, newest_of_channels
from tidegate_fleet.store.schema import follow, host, label, quarantine, standing, status
from tidegate_fleet.store.upserts import among, some, upsert
from tidegate_fleet.store.ways import Ways

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy.engine import Connection

    from tidegate_fleet.dossier import Dossier
    from tidegate_fleet.words import HostEvent
    from tidegate_schemas.status import HostStatus


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
        self._archs: dict[str, str | None] = {}
        names = {one.event.subject for one in events} | {one.host for one in statuses}
        described = {one.host for one in statuses}
        self._read_hosts(sorted(names & set(known)), described)
        self._read_standings()
        self._ways = Ways(connection, self._dossiers, self._labels)
        self._ways.read(events, statuses)

    def dossier(self, name: str) -> Dossier:
        """The dossier of a host."""
        return self._dossiers[name]

    def releases(self) -> Iterator[rows.Values]:
        """The releases that were spoken of; after `save`."""
        return map(rows.key_columns, self._ways.spoken_of)

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
        self._ways.save(events)

    def _read_hosts(self, names: Sequence[str], described: Collection[str]) -> None:
        told = among(self._connection, host.c.name, sorted(described))
        joined = host.outerjoin(status, and_(status.c.host == host.c.name, told))
        for part in some(names):
            chosen = (
                select(host, status.c.body)
                .select_from(joined)
                .where(among(self._connection, host.c.name, part))
            )
            for row in self._connection.execute(chosen):
                self._dossiers[row.name] = rows.dossier_of(row)
                self._labels[row.name] = json.loads(row.labels)
                self._archs[row.name] = row.arch

    def _read_standings(self) -> None:
        for part in some(list(self._dossiers)):
            for row in self._connection.execute(
                select(standing).where(among(self._connection, standing.c.host, part))
            ):
                self._dossiers[row.host].standings[row.product, row.channel] = rows.standing_of(row)

    def _host_row(self, dossier: Dossier) -> rows.Values:
        row = rows.host_row(dossier)
        if not dossier.described:
            # What describes it was not read.
            row["labels"] = json.dumps(self._labels[dossier.name])
            row["arch"] = self._archs[dossier.name]
        return row

    def _save_descriptions(self, dossiers: Sequence[Dossier]) -> None:
        said = [one.status for one in dossiers if one.status is not None]
        # Labels hardly ever change, and have more rows than all the rest.
        relabelled = [one for one in said if dict(one.labels) != self._labels.get(one.host)]
        for table, whose in ((label, relabelled), (follow, said), (quarantine, said)):
            for part in some([one.host for one in whose]):
                self._connection.execute(delete(table).where(among(self._connection, table.c.host, part)))
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
