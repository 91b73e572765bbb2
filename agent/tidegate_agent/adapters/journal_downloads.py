"""What the journal keeps of downloads: how many bytes came in each period. In the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

    from tidegate_agent.records import Change

PERIODS_KEPT: Final = 64
"""A clock that was set back finds what it left in so many periods."""


def write(db: sqlite3.Connection, change: Change) -> None:
    """Write a change's share."""
    if (fetched := change.fetched) is None:
        return
    values = (fetched.size, fetched.period)
    if db.execute("update download set bytes = max(0, bytes + ?) where period = ?", values).rowcount:
        return
    db.execute("insert into download (bytes, period) values (max(0, ?), ?)", values)
    db.execute("delete from download where place <= (select max(place) from download) - ?", (PERIODS_KEPT,))


def read(db: sqlite3.Connection, period: str) -> int:
    """The bytes of a period."""
    row = db.execute("select bytes from download where period = ?", (period,)).fetchone()
    return 0 if row is None else int(row[0])
