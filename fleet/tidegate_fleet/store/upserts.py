"""Inserting what may be there already, in both databases' dialects of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import literal_column
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column, Table
    from sqlalchemy.engine import Connection

    from tidegate_fleet.store.rows import Values


def insert_new(
    connection: Connection, table: Table, rows: Sequence[Values], *also: Column[Any]
) -> list[Values]:
    """Insert the rows that are not there yet, and return the columns that make each of those unique.

    Args:
        connection: within a transaction.
        table: where to.
        rows: none twice, and in the order of their keys: whoever waits for another then does so in order.
        also: columns that the database chooses, to be returned too.
    """
    if not rows:
        return []
    names = [name for name in rows[0] if name in {"host", "id", "name"} | {*table.primary_key.columns.keys()}]
    columns = [*(table.c[name] for name in names), *also]
    new = _insert(connection, table).on_conflict_do_nothing().returning(*columns)
    return [dict(row._mapping) for row in connection.execute(new, list(rows))]  # noqa: SLF001 -- documented


def upsert(connection: Connection, table: Table, rows: Sequence[Values], add: Sequence[str] = ()) -> None:
    """Insert rows, or change those that are there; the columns `add` grow by the new value."""
    if not rows:
        return
    keys = table.primary_key.columns.keys()
    insert = _insert(connection, table)
    changed = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    changed.update({name: table.c[name] + insert.excluded[name] for name in add})
    if changed:
        either = insert.on_conflict_do_update(index_elements=keys, set_=changed)
    else:
        either = insert.on_conflict_do_nothing()
    if connection.dialect.name == "postgresql":
        # What returns something goes out as one statement for many rows; else it is one for each.
        either = either.returning(literal_column("1"))
    connection.execute(either, list(rows))


def _insert(connection: Connection, table: Table) -> Any:  # noqa: ANN401 -- two classes with the same methods
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
