"""Which tables a database has, and bringing them forward.

`meta` holds the version of the tables. A newer tidegate brings older tables forward, a step for each version,
in one transaction; an older one keeps its hands off newer tables. A change of the tables raises
`schema.VERSION` by one, and adds the step that leads there to `STEPS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, select, text, update

from tidegate_fleet.store.faults import StoreError
from tidegate_fleet.store.schema import VERSION, event, meta, metadata
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.engine import Connection


def _remember_wills(connection: Connection) -> None:
    for column in ("ended_start", "ended_connection", "ended_at"):
        connection.execute(text(f"ALTER TABLE host ADD COLUMN {column} BIGINT"))
    for index in event.indexes:
        index.create(connection, checkfirst=True)


STEPS: Final[Mapping[int, Callable[[Connection], None]]] = {1: _remember_wills}
"""What brings tables of a version to the next one."""

_KEY: Final = "version"
# Any number will do, as long as nobody else takes it: "tide" in ASCII.
_LOCK: Final = 0x74696465


def bring_forward(connection: Connection) -> None:
    """Make the tables, or bring them forward. Several may try at once. Raises StoreError(STORE_NEWER)."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if not inspect(connection).has_table(meta.name):
        metadata.create_all(connection)
        connection.execute(meta.insert(), {"key": _KEY, "value": str(VERSION)})
        return
    found = _version(connection)
    for version in range(found, VERSION):
        STEPS[version](connection)
    if found != VERSION:
        connection.execute(update(meta).where(meta.c.key == _KEY).values(value=str(VERSION)))


def check_version(connection: Connection) -> None:
    """Raises StoreError: STORE_MISSING without tables or with older ones, STORE_NEWER with newer ones."""
    if not inspect(connection).has_table(meta.name):
        raise StoreError(Code.STORE_MISSING, "the database holds no tables of tidegate's")
    found = _version(connection)
    if found < VERSION:
        reason = f"the database has tables of version {found}; a collector has to bring them to {VERSION}"
        raise StoreError(Code.STORE_MISSING, reason)


def _version(connection: Connection) -> int:
    found = connection.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar()
    if found is None or not found.isdecimal():
        raise StoreError(
            Code.STORE_MISSING, "the database's table `meta` is not tidegate's: it has no version"
        )
    if int(found) > VERSION:
        reason = f"the database has tables of version {found}, and this tidegate knows {VERSION}"
        raise StoreError(Code.STORE_NEWER, reason)
    return int(found)
