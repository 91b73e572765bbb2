"""What the journal keeps of requests: holds, used nonces, and the inbox. Within the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.journal_moments import moment_of, number
from tidegate_agent.records import INBOX, Hold, Ledger

if TYPE_CHECKING:
    import sqlite3

    from tidegate_agent.records import Change, Decided, Spent

_CLOSED: Final = "requests_closed_until"


def write(db: sqlite3.Connection, change: Change) -> None:
    """Write a change's share."""
    for follow, hold in change.holds:
        at = None if hold.ordered_at is None else number(hold.ordered_at)
        values = (follow.key, int(hold.held), hold.by, hold.reason, at)
        db.execute("insert or replace into hold values (?, ?, ?, ?, ?)", values)
    if change.decided is not None:
        _write_decided(db, change.decided)


def read_hold(db: sqlite3.Connection, follow: str) -> Hold | None:
    """The last word on a follow."""
    query = "select held, by, reason, ordered_at from hold where follow = ?"
    row = db.execute(query, (follow,)).fetchone()
    if row is None:
        return None
    held, by, reason, at = row
    return Hold(bool(held), by, reason, None if at is None else moment_of(at))


def read_ledger(db: sqlite3.Connection) -> Ledger:
    """The nonces in use."""
    spent = {nonce: moment_of(expires) for nonce, expires in db.execute("select nonce, expires from request")}
    closed = _closed_until(db)
    return Ledger(spent, None if closed is None else moment_of(closed))


def keep(db: sqlite3.Connection, name: str, message: bytes) -> bool:
    """Put a message into the inbox, if there is room; whether it is there."""
    query = "insert or ignore into inbox (name, message) select ?, ? where (select count(*) from inbox) < ?"
    db.execute(query, (name, message, INBOX))
    return db.execute("select 1 from inbox where name = ?", (name,)).fetchone() is not None


def read_inbox(db: sqlite3.Connection) -> list[bytes]:
    """What is in the inbox, oldest first."""
    return [message for (message,) in db.execute("select message from inbox order by place")]


def _write_decided(db: sqlite3.Connection, decided: Decided) -> None:
    db.execute("delete from inbox where name = ?", (decided.message,))
    if decided.spent is not None:
        _close(db, decided.spent)
        values = (decided.spent.nonce, number(decided.spent.expires))
        db.execute("insert or ignore into request values (?, ?)", values)


def _close(db: sqlite3.Connection, spent: Spent) -> None:
    # The end of what is forgotten stays behind: a clock that is set back must not make it young again.
    now = number(spent.now)
    latest = db.execute("select max(expires) from request where expires <= ?", (now,)).fetchone()[0]
    if latest is None:
        return
    db.execute("delete from request where expires <= ?", (now,))
    closed = max(latest, _closed_until(db) or latest)
    db.execute("insert or replace into meta values (?, ?)", (_CLOSED, str(closed)))


def _closed_until(db: sqlite3.Connection) -> int | None:
    row = db.execute("select value from meta where name = ?", (_CLOSED,)).fetchone()
    return None if row is None else int(row[0])
