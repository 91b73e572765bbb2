"""Answers `history.History` out of the database. Each answer is of one moment."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, case, func, select, type_coerce

from tidegate_fleet.dossier import curve, pieces
from tidegate_fleet.history import (
    MOST_STATEMENTS,
    PAGE,
    Adopted,
    EventRecord,
    FailureRecord,
    HostQuery,
    HostRecord,
    Passage,
    ReleaseKey,
    ReleaseRecord,
    StatementRecord,
    Summary,
)
from tidegate_fleet.newer import known_code
from tidegate_fleet.standing import Phase
from tidegate_fleet.store.finding import conditions, of_release
from tidegate_fleet.store.overview import fleet_in_numbers, newest_of_all, release_record, talked_of
from tidegate_fleet.store.rows import event_record, read_status, standing_of, statement_of, way_of
from tidegate_fleet.store.schema import event, host, passage, release, standing, statement, status, ticks
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection, Row

    from tidegate_fleet.hosts import Channel
    from tidegate_fleet.standing import Standing
    from tidegate_fleet.store.connect import Store

_STREAMED = 1000


class StoredHistory:
    """See history.History.

    Args:
        store: the database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def summary(self) -> Summary:
        """See History.summary."""
        with self._store.reading() as connection:
            return fleet_in_numbers(connection)

    def hosts(self, query: HostQuery) -> tuple[HostRecord, ...]:
        """See History.hosts."""
        wanted = [*conditions(query), host.c.name > query.after]
        chosen = _HOSTS.where(*wanted).order_by(host.c.name).limit(_bounded(query.limit))
        with self._store.reading() as connection:
            return _host_records(connection, connection.execute(chosen).all())

    def count_hosts(self, query: HostQuery) -> int:
        """See History.count_hosts."""
        with self._store.reading() as connection:
            return connection.scalar(select(func.count()).select_from(host).where(*conditions(query))) or 0

    def host(self, name: str) -> HostRecord | None:
        """See History.host."""
        with self._store.reading() as connection:
            found = _host_records(connection, connection.execute(_HOSTS.where(host.c.name == name)).all())
            return found[0] if found else None

    def host_events(self, name: str, before: int | None = None, limit: int = 50) -> tuple[EventRecord, ...]:
        """See History.host_events."""
        chosen = select(event).where(event.c.host == name)
        if before is not None:
            chosen = chosen.where(event.c.number < before)
        with self._store.reading() as connection:
            rows = connection.execute(chosen.order_by(event.c.number.desc()).limit(_bounded(limit)))
            return tuple(map(event_record, rows))

    def events_after(self, number: int, limit: int = 500) -> tuple[EventRecord, ...]:
        """See History.events_after."""
        chosen = select(event).where(event.c.number > number).order_by(event.c.number)
        with self._store.reading() as connection:
            return tuple(map(event_record, connection.execute(chosen.limit(_bounded(limit)))))

    def newest_number(self) -> int:
        """See History.newest_number."""
        with self._store.reading() as connection:
            return connection.scalar(select(func.max(event.c.number))) or 0

    def releases(self, limit: int = 50, channel: Channel | None = None) -> tuple[ReleaseRecord, ...]:
        """See History.releases."""
        names = release.c.product, release.c.channel, release.c.digest
        chosen = select(release).where(talked_of())
        if channel is not None:
            chosen = chosen.where(release.c.product == channel[0], release.c.channel == channel[1])
        newest = chosen.order_by(release.c.first.desc(), *(name.desc() for name in names))
        with self._store.reading() as connection:
            rows = connection.execute(newest.limit(_bounded(limit))).all()
            return tuple(release_record(connection, row) for row in rows)

    def release(self, key: ReleaseKey) -> ReleaseRecord | None:
        """See History.release."""
        with self._store.reading() as connection:
            row = connection.execute(select(release).where(of_release(release, key))).first()
            return None if row is None else release_record(connection, row)

    def statements(self, key: ReleaseKey) -> tuple[StatementRecord, ...]:
        """See History.statements."""
        chosen = select(statement).where(of_release(statement, key)).order_by(statement.c.sequence.desc())
        with self._store.reading() as connection:
            newest = connection.execute(chosen.limit(MOST_STATEMENTS)).all()
            return tuple(map(statement_of, reversed(newest)))

    def newest_statements(self) -> tuple[StatementRecord, ...]:
        """See History.newest_statements."""
        with self._store.reading() as connection:
            return newest_of_all(connection)

    def failures(self, key: ReleaseKey, limit: int = 50) -> tuple[FailureRecord, ...]:
        """See History.failures."""
        failed = [of_release(passage, key), passage.c.phase == Phase.FAILED.value]
        counted = select(passage.c.code, func.count().label("hosts")).where(*failed).group_by(passage.c.code)
        with self._store.reading() as connection:
            rows = sorted(connection.execute(counted), key=lambda row: (-row.hosts, row.code or ""))
            return tuple(_failure(connection, failed, row) for row in rows[:limit])

    def adoption(self, key: ReleaseKey, points: int = 120) -> tuple[Adopted, ...]:
        """See History.adoption."""
        done = [of_release(passage, key), passage.c.phase.in_([Phase.SUCCEEDED.value, Phase.FAILED.value])]
        with self._store.reading() as connection:
            last = connection.scalar(select(func.max(_SINCE)).where(*done))
            first = connection.scalar(select(release.c.first).where(of_release(release, key)))
            if first is None or last is None:
                return ()
            index = _piece(first, last, points).label("piece")
            good = func.sum(case((passage.c.phase == Phase.SUCCEEDED.value, 1), else_=0))
            rows = connection.execute(select(index, good, func.count()).where(*done).group_by(index))
            ends = {piece: (int(good), hosts - int(good)) for piece, good, hosts in rows}
            return curve(first, last, ends, points)

    def passages(self, key: ReleaseKey) -> Iterator[Passage]:
        """See History.passages."""
        after = ""
        while True:
            chosen = select(passage).where(of_release(passage, key), passage.c.host > after)
            with self._store.reading() as connection:
                rows = connection.execute(chosen.order_by(passage.c.host).limit(_STREAMED)).all()
            for row in rows:
                yield way_of(row).passage(row.host, row.wave)
            if len(rows) < _STREAMED:
                return
            after = rows[-1].host


# Said again, it has not happened again: standing.Standing.since.
_SINCE = func.coalesce(passage.c.first_heard, passage.c.heard, type_=passage.c.heard.type)
_HOSTS = select(host, status.c.body).select_from(host.outerjoin(status, status.c.host == host.c.name))


def _piece(first: datetime, last: datetime, points: int) -> ColumnElement[int]:
    """As dossier.piece, in the database's whole numbers."""
    begin, span = ticks(first), max(ticks(last) - ticks(first), 1)
    since = type_coerce(_SINCE, BigInteger) - begin
    return (since * pieces(points) + span - 1) // span


def _bounded(limit: int) -> int:
    return max(0, min(limit, PAGE["most"]))


def _host_records(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[HostRecord, ...]:
    standings: dict[str, dict[Channel, Standing]] = defaultdict(dict)
    chosen = select(standing).where(standing.c.host.in_([row.name for row in rows]))
    for row in connection.execute(chosen):
        standings[row.host][row.product, row.channel] = standing_of(row)
    return tuple(
        HostRecord(
            name=row.name,
            online=row.presence == Presence.ONLINE.value,
            heard=row.heard,
            status=read_status(row.body),
            standings=standings[row.name],
            flooded=row.flooded,
            collided=row.collided,
        )
        for row in rows
    )


def _failure(connection: Connection, failed: Sequence[Any], counted: Row[Any]) -> FailureRecord:
    same = passage.c.code.is_(None) if counted.code is None else passage.c.code == counted.code
    newest = connection.execute(
        select(_SINCE.label("since"), passage.c.reason, passage.c.host)
        .where(*failed, same)
        .order_by(_SINCE.desc(), passage.c.host.desc())
        .limit(1)
    ).one()
    return FailureRecord(known_code(counted.code), counted.hosts, newest.since, newest.reason, newest.host)
