"""What is forgotten after how long: a little in each transaction, and by one collector at a time.

Events go; what they led to stays: where hosts stand, their ways through releases, what was announced. A host
that said nothing for very long goes with all that is its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, or_, select, update

from tidegate_fleet.store.schema import (
    event,
    follow,
    host,
    label,
    meta,
    passage,
    quarantine,
    release,
    standing,
    statement,
    status,
)
from tidegate_fleet.store.upserts import insert_new
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy.engine import Connection

    from tidegate_fleet.store.connect import Store

_EVENTS: Final = 2000
_HOSTS: Final = 50
_INVENTED: Final = 200
_LEASE: Final = "forgetting"


class Forgetting:
    """Forgets. `store` is the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def some(
        self,
        now: datetime,
        name: str,
        events: timedelta | None,
        hosts: timedelta | None,
        lease: timedelta,
    ) -> bool:
        """Forget a little.

        Args:
            now: the present moment.
            name: of the collector that asks.
            events: how old events become.
            hosts: for how long hosts may say nothing.
            lease: for how long nobody else may do this.

        Returns:
            Whether there is more, and it is this collector's turn.

        Raises:
            StoreError: the database is not to be had.
        """
        with self._store.writing() as connection:
            if not _leased(connection, now, name, lease):
                return False
            gone = 0
            if events is not None:
                gone += _forget_events(connection, now, now - events)
            if hosts is not None:
                gone += _forget_hosts(connection, now - hosts)
            return gone + _forget_inventions(connection) > 0


def _leased(connection: Connection, now: datetime, name: str, lease: timedelta) -> bool:
    insert_new(connection, meta, [{"key": _LEASE, "value": name, "until": now}])
    mine = or_(meta.c.value == name, meta.c.until <= now)
    taken = update(meta).where(meta.c.key == _LEASE, mine).values(value=name, until=now + lease)
    return connection.execute(taken).rowcount == 1


def _forget_events(connection: Connection, now: datetime, before: datetime) -> int:
    """The oldest come first by number, nearly; those that are not old yet end the look.

    What was heard while a clock was ahead is passed over: it would hide what comes after it for years.
    """
    heard = select(event.c.number, event.c.heard).where(event.c.heard <= now)
    oldest = connection.execute(heard.order_by(event.c.number).limit(_EVENTS))
    old = [row.number for row in oldest if row.heard < before]
    if old:
        connection.execute(delete(event).where(event.c.number.in_(old)))
    return len(old)


def _forget_hosts(connection: Connection, before: datetime) -> int:
    """Those that are connected stay, however little they say."""
    silent = (
        select(host.c.name)
        .where(host.c.heard < before, host.c.presence == Presence.OFFLINE.value)
        .order_by(host.c.heard)
        .limit(_HOSTS)
    )
    names = sorted(connection.scalars(silent))
    if not names:
        return 0
    # A word that comes meanwhile is older than the lock, or finds no host and begins anew.
    locked = select(host.c.name).where(host.c.name.in_(names), host.c.heard < before)
    names = list(connection.scalars(locked.order_by(host.c.name).with_for_update()))
    for table in (event, label, follow, quarantine, standing, passage, status):
        connection.execute(delete(table).where(table.c.host.in_(names)))
    connection.execute(delete(host).where(host.c.name.in_(names)))
    return len(names)


def _forget_inventions(connection: Connection) -> int:
    """Releases that nothing speaks of any more."""
    columns = [release.c[name] for name in ("product", "channel", "digest")]
    spoken = (
        select(table.c.digest).where(*(table.c[column.name] == column for column in columns)).exists()
        for table in (passage, statement)
    )
    idle = connection.execute(select(*columns).where(*(~one for one in spoken)).limit(_INVENTED)).all()
    for row in idle:
        conditions = [column == value for column, value in zip(columns, row, strict=True)]
        connection.execute(delete(release).where(*conditions))
    return len(idle)
