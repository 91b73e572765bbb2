"""Many rows at once, in both databases' dialects of it.

To PostgreSQL they go as one array for each column: one short statement, whatever the number of rows. A
statement with a parameter for each value has to be taken apart at both ends, which took longer than the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, BindParameter, Text, any_, bindparam, false, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column, ColumnElement, Select, Table
    from sqlalchemy.engine import Connection
    from sqlalchemy.types import TypeEngine

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
    insert, given = _insert(connection, table, rows)
    new = insert.on_conflict_do_nothing().returning(*columns)
    return [dict(row._mapping) for row in connection.execute(new, given)]  # noqa: SLF001 -- documented


def upsert(connection: Connection, table: Table, rows: Sequence[Values], add: Sequence[str] = ()) -> None:
    """Insert rows, or change those that are there; the columns `add` grow by the new value."""
    if not rows:
        return
    keys = table.primary_key.columns.keys()
    insert, given = _insert(connection, table, rows)
    changed = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    changed.update({name: table.c[name] + insert.excluded[name] for name in add})
    if changed:
        either = insert.on_conflict_do_update(index_elements=keys, set_=changed)
    else:
        either = insert.on_conflict_do_nothing()
    connection.execute(either, given)


def among(
    connection: Connection, columns: Sequence[Column[Any]], rows: Sequence[tuple[Any, ...]]
) -> ColumnElement[bool]:
    """That columns are together like one of the rows."""
    if not rows:
        return false()
    if connection.dialect.name != "postgresql":
        return columns[0].in_([row[0] for row in rows]) if len(columns) == 1 else tuple_(*columns).in_(rows)
    arrays = [list(values) for values in zip(*rows, strict=True)]
    if len(columns) == 1:
        return columns[0] == any_(bindparam(None, arrays[0], type_=postgresql.ARRAY(_plain(columns[0]))))
    given = [
        bindparam(column.name, values, type_=postgresql.ARRAY(_plain(column)), unique=True)
        for column, values in zip(columns, arrays, strict=True)
    ]
    return tuple_(*columns).in_(_unnested(columns, given))


def _insert(connection: Connection, table: Table, rows: Sequence[Values]) -> tuple[Any, Any]:
    """An insert, of one of two classes with the same methods, and what to execute it with."""
    if connection.dialect.name != "postgresql":
        return sqlite.insert(table), list(rows)
    # What the database itself would not know: SQLAlchemy fills in defaults for single rows only.
    names = [*rows[0], *(column.name for column in table.columns if _defaults(column, rows[0]))]
    columns = [table.c[name] for name in names]
    given = {
        name: [row[name] if name in row else table.c[name].default.arg for row in rows]  # type: ignore[union-attr]
        for name in names
    }
    arrays = [bindparam(column.name, type_=postgresql.ARRAY(_plain(column))) for column in columns]
    return postgresql.insert(table).from_select(
        names, _unnested(columns, arrays), include_defaults=False
    ), given


def _defaults(column: Column[Any], row: Values) -> bool:
    return column.default is not None and column.name not in row


def _unnested(columns: Sequence[Column[Any]], arrays: Sequence[BindParameter[Any]]) -> Select[Any]:
    names = [column.name for column in columns]
    return select(func.unnest(*arrays).table_valued(*names).render_derived())


def _plain(column: Column[Any]) -> TypeEngine[Any]:
    """The type within an array: without the collation, or the word for a column that counts by itself."""
    kind: TypeEngine[Any] = column.type
    if isinstance(kind, Text):
        return Text()
    return BigInteger() if column.primary_key and isinstance(kind, BigInteger) else kind
