"""Many rows at once, in both databases' dialects of it.

To PostgreSQL they go as one array for each column: one short statement, whatever the number of rows. A
statement with a parameter for each value has to be taken apart at both ends, which took longer than the rest.
SQLite is given keys of several columns as one JSON text: of a list of such keys after IN it makes no use of
an index, and reads the whole table.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, BindParameter, Text, any_, bindparam, false, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Column, ColumnElement, Select, Table
    from sqlalchemy.engine import Connection
    from sqlalchemy.types import TypeEngine

    from tidegate_fleet.store.rows import Values


_MANY: Final = 400


def some(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Names in parts, as many as one question takes."""
    for start in range(0, len(names), _MANY):
        yield names[start : start + _MANY]


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
    new = _insert(connection.dialect.name, table, (*rows[0],)).on_conflict_do_nothing().returning(*columns)
    found = connection.execute(new, _given(connection, table, rows))
    return [dict(row._mapping) for row in found]  # noqa: SLF001 -- documented


def upsert(connection: Connection, table: Table, rows: Sequence[Values], add: Sequence[str] = ()) -> None:
    """Insert rows, or change those that are there; the columns `add` grow by the new value."""
    if not rows:
        return
    either = _upsert(connection.dialect.name, table, (*rows[0],), (*add,))
    connection.execute(either, _given(connection, table, rows))


@functools.cache
def _upsert(dialect: str, table: Table, names: tuple[str, ...], add: tuple[str, ...]) -> Any:  # noqa: ANN401 -- of one of two classes with the same methods
    """The statement of `upsert`: put together once: that takes longer than to execute it for a few rows."""
    keys = table.primary_key.columns.keys()
    insert = _insert(dialect, table, names)
    changed = {name: insert.excluded[name] for name in names if name not in keys}
    changed.update({name: table.c[name] + insert.excluded[name] for name in add})
    if changed:
        return insert.on_conflict_do_update(index_elements=keys, set_=changed)
    return insert.on_conflict_do_nothing()


def among(connection: Connection, column: Column[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """That a column has one of the values."""
    if not values:
        return false()
    if connection.dialect.name != "postgresql":
        # One parameter: a list of them would make another statement of each number of values.
        given = func.json_each(json.dumps(list(values), ensure_ascii=False)).table_valued("value")
        return column.in_(select(given.c.value))
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


def _insert(dialect: str, table: Table, names: tuple[str, ...]) -> Any:  # noqa: ANN401 -- of one of two classes with the same methods
    """An insert of rows with these columns; `_given` is what to execute it with."""
    if dialect != "postgresql":
        return sqlite.insert(table)
    every = _columns(table, names)
    columns = [table.c[name] for name in every]
    arrays = [bindparam(column.name, type_=postgresql.ARRAY(_plain(column))) for column in columns]
    return postgresql.insert(table).from_select(every, _unnested(columns, arrays), include_defaults=False)


def _given(connection: Connection, table: Table, rows: Sequence[Values]) -> list[Values] | Values:
    """What to execute an insert with."""
    if connection.dialect.name != "postgresql":
        return list(rows)
    return {
        name: [row[name] if name in row else table.c[name].default.arg for row in rows]  # type: ignore[union-attr]
        for name in _columns(table, (*rows[0],))
    }


def _columns(table: Table, names: tuple[str, ...]) -> list[str]:
    """These, and those with defaults of SQLAlchemy's, which it fills in for single rows only."""
    missing = [one.name for one in table.columns if one.default is not None and one.name not in names]
    return [*names, *missing]


def _unnested(columns: Sequence[Column[Any]], arrays: Sequence[BindParameter[Any]]) -> Select[Any]:
    names = [column.name for column in columns]
    return select(func.unnest(*arrays).table_valued(*names).render_derived())


def _plain(column: Column[Any]) -> TypeEngine[Any]:
    """The type within an array: without the collation, or the word for a column that counts by itself."""
    kind: TypeEngine[Any] = column.type
    if isinstance(kind, Text):
        return Text()
    return BigInteger() if column.primary_key and isinstance(kind, BigInteger) else kind
