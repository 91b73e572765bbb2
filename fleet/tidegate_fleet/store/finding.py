"""Which hosts a query asks for, as conditions on the table `host`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, exists, func, literal, or_, select

from tidegate_fleet.standing import Phase
from tidegate_fleet.store.schema import follow, host, label, passage, statement
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Table

    from tidegate_fleet.history import HostQuery, ReleaseKey

Condition = ColumnElement[bool]


def conditions(query: HostQuery) -> Iterator[Condition]:
    """What must hold of a host's row; paging apart."""
    for key, value in query.labels.items():
        yield exists().where(label.c.host == host.c.name, label.c.key == key, label.c.value == value)
    if query.channel is not None or query.current is not None:
        yield exists().where(*_following(query))
    if query.online is not None:
        # Both values are named: a comparison by != would use no index.
        yield host.c.presence == (Presence.ONLINE if query.online else Presence.OFFLINE).value
    if query.quiet_since is not None:
        yield host.c.heard < query.quiet_since
    if query.text:
        yield func.lower(host.c.name).contains(query.text.lower(), autoescape=True)
    if query.release is not None:
        yield _counted(query.release, query.phase, query.wave)


def of_release(table: Table, key: ReleaseKey) -> Condition:
    """The rows of a release."""
    return and_(table.c.product == key.product, table.c.channel == key.channel, table.c.digest == key.digest)


def pending(key: ReleaseKey) -> Condition:
    """The rows of `follow` of hosts that a release is for and that have not said a word of it.

    Only of a release that the channel's newest statement is about: nobody waits for another one any more.
    """
    newest = (
        select(statement.c.digest)
        .where(statement.c.product == key.product, statement.c.channel == key.channel)
        .order_by(statement.c.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
    said = exists().where(of_release(passage, key), passage.c.host == follow.c.host)
    return and_(
        follow.c.product == key.product,
        follow.c.channel == key.channel,
        follow.c.wave.is_not(None),
        newest == literal(key.digest),
        ~said,
    )


def _following(query: HostQuery) -> Iterator[Condition]:
    yield follow.c.host == host.c.name
    if query.channel is not None:
        yield follow.c.product == query.channel[0]
        yield follow.c.channel == query.channel[1]
    if query.current is not None:
        yield follow.c.current == query.current


def _counted(key: ReleaseKey, phase: Phase | None, wave: str | None) -> Condition:
    told = [of_release(passage, key)]
    still = [pending(key)]
    if phase is not None:
        told.append(passage.c.phase == phase.value)
    if wave is not None:
        told.append(passage.c.wave == wave)
        still.append(follow.c.wave == wave)
    if phase is None:
        # Nearly all hosts: asked of each as it comes, for a page needs fifty of them in their order.
        return or_(
            exists().where(passage.c.host == host.c.name, *told),
            exists().where(follow.c.host == host.c.name, *still),
        )
    # Few of them, and there is an index by phase: gathered first.
    if phase is Phase.PENDING:
        return host.c.name.in_(select(follow.c.host).where(*still))
    return host.c.name.in_(select(passage.c.host).where(*told))
