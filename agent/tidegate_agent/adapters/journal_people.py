"""What the journal keeps of people's words on updates: approvals and snoozes. In the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.adapters.journal_moments import moment_of, number
from tidegate_agent.records import Approval, Snooze

if TYPE_CHECKING:
    import sqlite3

    from tidegate_agent.records import Change


def write(db: sqlite3.Connection, key: str, change: Change) -> None:
    """Write a change's share."""
    if (approval := change.approval) is not None:
        ends = None if approval.expires is None else number(approval.expires)
        values: tuple[object, ...] = (key, approval.digest, int(approval.at_once), ends)
        db.execute(
            "insert or replace into approval (follow, digest, at_once, expires) values (?, ?, ?, ?)", values
        )
    if (snooze := change.snooze) is not None:
        values = (key, snooze.digest, number(snooze.first), number(snooze.until))
        db.execute("insert or replace into snooze (follow, digest, first, until) values (?, ?, ?, ?)", values)


def read_approval(db: sqlite3.Connection, follow: str) -> Approval | None:
    """The last approval; one of an older agent does not lapse."""
    query = "select digest, at_once, expires from approval where follow = ?"
    row = db.execute(query, (follow,)).fetchone()
    if row is None:
        return None
    return Approval(row[0], bool(row[1]), None if row[2] is None else moment_of(row[2]))


def read_snooze(db: sqlite3.Connection, follow: str) -> Snooze | None:
    """The last snooze."""
    query = "select digest, first, until from snooze where follow = ?"
    row = db.execute(query, (follow,)).fetchone()
    return None if row is None else Snooze(row[0], moment_of(row[1]), moment_of(row[2]))
