"""What the journal keeps of releases: what was tried, and what is not to come back.

All within the caller's transaction. Both are bounded, or a host that is updated for years would carry every
digest it ever saw: of each follow the newest RELEASES and QUARANTINED stay. Never forgotten is what the
present update is about, goes back to, or may bring back, nor what is quarantined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.journal_rows import FAILURE, TARGET
from tidegate_agent.machine import update_of
from tidegate_agent.records import QUARANTINED, RELEASES
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    import sqlite3

    from tidegate_agent.model import Failure
    from tidegate_agent.records import Change
    from tidegate_agent.update.states import State, Target, Update


# Rows are never moved: the higher the rowid, the later it was first tried, or last quarantined.
_PRUNE_RELEASES: Final = """
delete from release where follow = :follow
and digest not in (:target, :previous, :beside)
and digest not in (select digest from quarantine where follow = :follow)
and rowid not in (select rowid from release where follow = :follow order by rowid desc limit :most)
"""
_PRUNE_QUARANTINE: Final = """
delete from quarantine where follow = :follow
and rowid not in (select rowid from quarantine where follow = :follow order by rowid desc limit :most)
"""


def write(db: sqlite3.Connection, key: str, change: Change) -> None:
    """Write a change's share."""
    for digest, failure in change.quarantine:
        body = FAILURE.dump_json(failure).decode()
        db.execute("insert or replace into quarantine values (?, ?, ?)", (key, digest, body))
        db.execute(_PRUNE_QUARANTINE, {"follow": key, "most": QUARANTINED})
    for digest in change.pardon:
        db.execute("delete from quarantine where follow = ? and digest = ?", (key, digest))


def write_state(db: sqlite3.Connection, key: str, state: State) -> None:
    """Remember what the state's update is about."""
    update = update_of(state)
    if update is None:
        return
    target = TARGET.dump_json(update.target).decode()
    released = update.target.rollout.state is RolloutState.ACTIVE
    values = (key, update.target.digest, update.attempt, target, released)
    is_new = attempts(db, key, update.target.digest) is None
    # A hold or a revocation may be one signer's word: it must not make an image look newer than it is.
    db.execute(
        "insert into release values (?, ?, ?, ?) on conflict do update set"
        " tries = max(tries, excluded.tries), target = iif(?, excluded.target, target)",
        values,
    )
    if is_new:
        _prune(db, key, update)


def attempts(db: sqlite3.Connection, key: str, digest: str) -> int | None:
    """How often a digest was tried; None when that is not known."""
    row = db.execute("select tries from release where follow = ? and digest = ?", (key, digest)).fetchone()
    return None if row is None else int(row[0])


def target(db: sqlite3.Connection, key: str, digest: str) -> Target | None:
    """What was asked for when a digest was last tried; None when that is not known."""
    row = db.execute("select target from release where follow = ? and digest = ?", (key, digest)).fetchone()
    return None if row is None else TARGET.validate_json(row[0])


def quarantined(db: sqlite3.Connection, key: str) -> dict[str, Failure]:
    """What is not to come back, and why."""
    rows = db.execute("select digest, failure from quarantine where follow = ? order by rowid", (key,))
    return {digest: FAILURE.validate_json(failure) for digest, failure in rows}


def _prune(db: sqlite3.Connection, key: str, update: Update) -> None:
    # An empty text is no digest; null in the list would make `not in` hold for nothing.
    kept = {
        "target": update.target.digest,
        "previous": update.previous or "",
        "beside": update.beside or "",
    }
    db.execute(_PRUNE_RELEASES, {"follow": key, "most": RELEASES, **kept})
