"""Statements, and the releases that anybody spoke of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from tidegate_fleet.acts import is_one_of_many
from tidegate_fleet.store.placing import NOWHERE
from tidegate_fleet.store.rows import statement_of, statement_row
from tidegate_fleet.store.schema import release, statement
from tidegate_fleet.store.upserts import insert_new, look_up

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from tidegate_fleet.history import StatementRecord
    from tidegate_fleet.store.rows import Values

_KEY = ("product", "channel", "digest")
_AROUND = 4


def keep_statements(connection: Connection, records: Sequence[StatementRecord], now: datetime) -> int:
    """Keep the statements that are new, and return how many.

    Of two with one sequence the first one stays, but for one that was taken at its word: a verified one
    replaces it.
    """
    preferred = list(reversed(records))
    preferred.sort(key=lambda record: record.verified)
    rows = {(row["product"], row["channel"], row["sequence"]): row for row in map(statement_row, preferred)}
    ordered = [rows[place] for place in sorted(rows)]
    for row in ordered:
        if row["verified"]:
            _replace(connection, row)
    new = insert_new(connection, statement, ordered)
    for row in new:
        _thin(connection, row)
    begin_releases(connection, [{name: row[name] for name in _KEY} for row in ordered], now)
    return len(new)


def _replace(connection: Connection, row: Values) -> None:
    """Let what was taken at its word be vouched for, or go."""
    same = [statement.c[name] == row[name] for name in ("product", "channel", "sequence")]
    claimed = [*same, statement.c.verified.is_(False)]
    vouched = update(statement).where(*claimed, statement.c.body == row["body"])
    connection.execute(vouched.values(verified=True, signers=row["signers"]))
    connection.execute(delete(statement).where(*claimed))


def _thin(connection: Connection, row: Values) -> None:
    """Let the statement before the newest one go, if it did nothing but what its neighbours did."""
    channel = [statement.c[name] == row[name] for name in ("product", "channel")]
    chosen = select(statement).where(*channel).order_by(statement.c.sequence.desc()).limit(_AROUND)
    around = connection.execute(chosen).all()[::-1]
    if len(around) < _AROUND or around[-1].sequence != row["sequence"]:
        return
    if len({one.digest for one in around}) > 1:
        return
    if is_one_of_many(list(map(statement_of, around))):
        connection.execute(delete(statement).where(*channel, statement.c.sequence == around[-2].sequence))


def begin_releases(connection: Connection, keys: Sequence[Values], now: datetime) -> None:
    """Note the releases that were not heard of before."""
    wanted = {tuple(one[name] for name in _KEY) for one in keys}
    if not wanted:
        return
    columns = [release.c[name] for name in _KEY]
    known = connection.execute(look_up(connection, columns, columns, sorted(wanted)))
    missing = sorted(wanted - {tuple(row) for row in known})
    insert_new(
        connection,
        release,
        [{**dict(zip(_KEY, key, strict=True)), "first": now, "placed": NOWHERE} for key in missing],
    )
