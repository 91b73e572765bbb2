"""Many rows at once, in both databases' dialects of it.

To PostgreSQL they go as one array for each column: one short statement, whatever the number of rows. A
statement with a parameter for each value has to be taken apart at both ends, which took longer than the rest.
SQLite is given keys of several columns as one JSON text: of a list of such keys after IN it makes no use of
an index, and reads the whole table.
"""

from __future__ import annotations

import json
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


def among(connection: Connection, column: Column[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """That a column has one of the values."""
    if not values:
        return false()
    if connection.dialect.name != "postgresql":
        return column.in_(values)
    return column == any_(bindparam(None, list(values), type_=postgresql.ARRAY(_plain(column))))


def look_up(
    connection: Connection,
    columns: Sequence[Column[Any]],
    keys: Sequence[Column[Any]],
    places: Sequence[tuple[str, ...]],
) -> Select[Any]:
    """A question for the rows of a table whose texts `keys` are together like one of the places.

    Args:
        connection: within a transaction.
        columns: what is asked for.
        keys: columns of an index of the table, in its order.
        places: what is looked for: one at least, none twice.
    """
    if connection.dialect.name != "postgresql":
        given = func.json_each(json.dumps(places, ensure_ascii=False)).table_valued("value", name="given")
        same = [key == func.json_extract(given.c.value, f"$[{index}]") for index, key in enumerate(keys)]
        return select(*columns).select_from(given, keys[0].table).where(*same)
    arrays = [list(values) for values in zip(*places, strict=True)]
    bound = [
        bindparam(key.name, values, type_=postgresql.ARRAY(_plain(key)), unique=True)
        for key, values in zip(keys, arrays, strict=True)
    ]
    return select(*columns).where(tuple_(*keys).in_(_unnested(keys, bound)))


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
