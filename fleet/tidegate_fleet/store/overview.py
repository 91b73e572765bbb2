"""The fleet, and a release, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from tidegate_fleet.history import MOST_CHANNELS, ReleaseKey, ReleaseRecord, StatementRecord, Summary
from tidegate_fleet.standing import Phase
from tidegate_fleet.store.finding import of_release, pending
from tidegate_fleet.store.rows import statement_of
from tidegate_fleet.store.schema import collector, follow, host, passage, quarantine, release, statement
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Row


def fleet_in_numbers(connection: Connection) -> Summary:
    """See history.Summary."""
    online = host.c.presence == Presence.ONLINE.value
    events, newest = connection.execute(
        select(func.coalesce(func.sum(collector.c.events), 0), func.max(collector.c.newest))
    ).one()
    channel = follow.c.product, follow.c.channel
    ran = follow.c.current, follow.c.version
    running = select(*channel, *ran, func.count().label("hosts")).where(follow.c.current.is_not(None))
    stale = select(*channel, func.count().label("hosts")).where(follow.c.stale.is_(True))
    quarantined = select(quarantine.c.digest, func.count()).group_by(quarantine.c.digest)
    return Summary(
        hosts=connection.scalar(select(func.count()).select_from(host)) or 0,
        online=connection.scalar(select(func.count()).select_from(host).where(online)) or 0,
        running={
            ((row.product, row.channel), row.current, row.version or ""): row.hosts
            for row in connection.execute(running.group_by(*channel, *ran))
        },
        quarantined={row[0]: row[1] for row in connection.execute(quarantined)},
        stale={(row.product, row.channel): row.hosts for row in connection.execute(stale.group_by(*channel))},
        events=int(events),
        newest=newest,
    )


def talked_of() -> ColumnElement[bool]:
    """The rows of `release` that a statement was heard of, or of which two hosts speak at least."""
    one, other = passage.alias(), passage.alias()
    stated, told, again = (
        [table.c[name] == release.c[name] for name in ("product", "channel", "digest")]
        for table in (statement, one, other)
    )
    return or_(exists().where(*stated), exists().where(*told, *again, other.c.host > one.c.host))


def newest_of_all(connection: Connection) -> tuple[StatementRecord, ...]:
    """See History.newest_statements."""
    channel = statement.c.product, statement.c.channel
    heads = select(*channel, func.max(statement.c.sequence).label("sequence")).group_by(*channel).subquery()
    same = [heads.c[name] == statement.c[name] for name in ("product", "channel", "sequence")]
    newest = select(statement).join(heads, and_(*same)).order_by(statement.c.heard.desc())
    return tuple(map(statement_of, connection.execute(newest.limit(MOST_CHANNELS))))


def release_record(connection: Connection, row: Row[Any]) -> ReleaseRecord:
    """The record of a row of `release`."""
    key = ReleaseKey(row.product, row.channel, row.digest)
    chosen = select(statement).where(of_release(statement, key)).order_by(statement.c.sequence.desc())
    found = connection.execute(chosen.limit(1)).first()
    latest = None if found is None else statement_of(found)
    counts = {}
    told = select(passage.c.wave, passage.c.phase, func.count()).where(of_release(passage, key))
    for wave, phase, hosts in connection.execute(told.group_by(passage.c.wave, passage.c.phase)):
        counts[wave, Phase(phase)] = hosts
    still = select(follow.c.wave, func.count()).where(pending(key)).group_by(follow.c.wave)
    for wave, hosts in connection.execute(still):
        counts[wave, Phase.PENDING] = hosts
    version = _told_version(connection, key) if latest is None else latest.statement.predicate.version
    return ReleaseRecord(key, version, row.first, latest, counts)


def _told_version(connection: Connection, key: ReleaseKey) -> str:
    newest = (
        select(passage.c.version)
        .where(of_release(passage, key), passage.c.version.is_not(None))
        .order_by(passage.c.at.desc(), passage.c.version.desc())
        .limit(1)
    )
    return connection.scalar(newest) or ""
