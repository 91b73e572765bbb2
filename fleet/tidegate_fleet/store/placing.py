"""Who is in which wave.

A host's place in a wave is computed when it is written. When a statement comes that divides the fleet anew,
the places of all are computed again: a thousand in each transaction, in whatever order, as often as anybody
likes. Each row says with `placed` by which division it was placed, so that nothing has to be remembered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, func, select, update

from tidegate_fleet.history import ReleaseKey
from tidegate_fleet.membership import is_fit, membership, wave_in
from tidegate_fleet.store.rows import statement_of
from tidegate_fleet.store.schema import follow, host, passage, release, statement
from tidegate_fleet.store.upserts import look_up
from tidegate_schemas.statement import ChannelStatement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Row, Select, Table
    from sqlalchemy.engine import Connection

    from tidegate_fleet.hosts import Channel
    from tidegate_fleet.store.rows import Values

NOWHERE: Final = ""
"""Placed by no statement, for there is none."""

_CHUNK: Final = 1000


@dataclass(frozen=True, slots=True)
class Division:
    """How a statement divides hosts; without one all are undivided.

    Attributes:
        statement: the newest one about a channel or release.
        placed: what `placed` says of rows that were placed by it.
    """

    statement: ChannelStatement | None = None
    placed: str = NOWHERE

    @classmethod
    def by(cls, statement: ChannelStatement) -> Division:
        """The division of a statement."""
        return cls(statement, membership(statement))

    def wave(self, name: str, labels: Mapping[str, str]) -> str:
        """The wave of a host."""
        return wave_in(self.statement, name, labels)

    def wave_meant(self, name: str, labels: Mapping[str, str], arch: str | None) -> str | None:
        """The wave of a host that follows the channel; None when the release is not for it."""
        if self.statement is None or not is_fit(self.statement, labels, arch):
            return None
        return self.wave(name, labels)


UNDIVIDED: Final = Division()


def newest_of_channels(connection: Connection, channels: Iterable[Channel]) -> dict[Channel, Division]:
    """The divisions by the newest statements of channels."""
    rows = _newest_of(connection, ("product", "channel"), sorted(set(channels)))
    return {(row.product, row.channel): Division.by(statement_of(row).statement) for row in rows}


def newest_of_releases(connection: Connection, keys: Iterable[ReleaseKey]) -> dict[ReleaseKey, Division]:
    """The divisions by the newest statements about releases."""
    places = sorted({(key.product, key.channel, key.digest) for key in keys})
    return {
        ReleaseKey(row.product, row.channel, row.digest): Division.by(statement_of(row).statement)
        for row in _newest_of(connection, ("product", "channel", "digest"), places)
    }


def _newest_of(
    connection: Connection, names: Sequence[str], places: Sequence[tuple[str, ...]]
) -> Sequence[Row[Any]]:
    """The newest statement about each place, all in one question: hosts name as many as they like."""
    if not places:
        return ()
    other = statement.alias()
    same = [other.c[name] == statement.c[name] for name in names]
    newest = select(func.max(other.c.sequence)).where(*same).scalar_subquery()
    asked = look_up(connection, tuple(statement.c), [statement.c[name] for name in names], places)
    return connection.execute(asked.where(statement.c.sequence == newest)).all()


def place_some(connection: Connection) -> int:
    """Place up to a thousand rows anew; how many were. 0: everybody is in place.

    Only rows of one table: hosts are locked in the order of their names, once in a transaction.
    """
    for row in connection.execute(_newest("product", "channel")).all():
        said = statement_of(row).statement
        placed = _place_followers(connection, said) or _place_passages(connection, said)
        if placed:
            return placed
    return _place_older(connection)


def _newest(*names: str) -> Select[Any]:
    """The newest statement about each channel, or about each release."""
    columns = [statement.c[name] for name in names]
    heads = select(*columns, func.max(statement.c.sequence).label("sequence")).group_by(*columns).subquery()
    return select(statement).join(
        heads, and_(*(heads.c[one] == statement.c[one] for one in (*names, "sequence")))
    )


def _place_older(connection: Connection) -> int:
    """Place who spoke of releases that the channels have left behind. They have many rows: each once."""
    same = [release.c[name] == statement.c[name] for name in ("product", "channel", "digest")]
    changed = _newest("product", "channel", "digest").join(release, and_(*same))
    for row in connection.execute(changed.where(release.c.placed != statement.c.division)).all():
        placed = _place_passages(connection, statement_of(row).statement)
        if placed:
            return placed
        names = [release.c[name] == getattr(row, name) for name in ("product", "channel", "digest")]
        connection.execute(update(release).where(*names).values(placed=row.division))
    return 0


def _place_followers(connection: Connection, said: ChannelStatement) -> int:
    division = Division.by(said)
    where = {"product": said.predicate.product, "channel": said.predicate.channel}
    places = [
        {"b_host": row.host, "b_wave": division.wave_meant(row.host, json.loads(row.labels), row.arch)}
        for row in _elsewhere(connection, follow, where, division)
    ]
    return _put(connection, follow, where, division, places)


def _place_passages(connection: Connection, said: ChannelStatement) -> int:
    division = Division.by(said)
    where = {"product": said.predicate.product, "channel": said.predicate.channel, "digest": said.digest}
    places = [
        {"b_host": row.host, "b_wave": division.wave(row.host, json.loads(row.labels))}
        for row in _elsewhere(connection, passage, where, division)
    ]
    return _put(connection, passage, where, division, places)


def _put(
    connection: Connection,
    table: Table,
    where: Mapping[str, str],
    division: Division,
    places: Sequence[Values],
) -> int:
    if places:
        conditions = [table.c[name] == value for name, value in where.items()]
        change = update(table).where(*conditions, table.c.host == bindparam("b_host"))
        connection.execute(change.values(wave=bindparam("b_wave"), placed=division.placed), places)
    return len(places)


def _elsewhere(
    connection: Connection, table: Table, where: Mapping[str, str], division: Division
) -> list[Any]:
    """Hosts whose rows were placed by another division; their rows of `host` are locked, in order."""
    chosen = (
        select(table.c.host, host.c.labels, host.c.arch)
        .join(host, host.c.name == table.c.host)
        .where(*(table.c[name] == value for name, value in where.items()))
        .where(table.c.placed != division.placed)
        .order_by(host.c.name)
        .limit(_CHUNK)
        .with_for_update(of=host)
    )
    return list(connection.execute(chosen).all())
