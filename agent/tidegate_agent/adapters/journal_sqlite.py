"""The journal in SQLite (WAL, synchronous=FULL): what is committed here survives power loss.

Its tables are told in `journal_schema`; those that requests, people and downloads need are
read and written by `journal_requests`, `journal_people` and `journal_downloads`.
A database that is damaged is set aside and a new one begun: the host must stay updatable (JOURNAL_CORRUPT).
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from loguru import logger
from pydantic import TypeAdapter

from tidegate_agent.adapters import journal_downloads, journal_people, journal_requests
from tidegate_agent.adapters.journal_schema import migrate
from tidegate_agent.adapters.journal_thinning import Thinning
from tidegate_agent.adapters.own_place import make_own_folder, require_own_file
from tidegate_agent.admission import Memory
from tidegate_agent.errors import JournalError
from tidegate_agent.machine import update_of
from tidegate_agent.model import Failure, Follow
from tidegate_agent.records import (
    MESSAGES,
    Approval,
    Change,
    Hold,
    Ledger,
    Letter,
    Life,
    Recollection,
    Snooze,
)
from tidegate_agent.update.states import Idle, State, Target
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code
from tidegate_schemas.events import UpdateEvent
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

HISTORY_KEPT: Final = 2000
"""Acknowledged events that are kept for `tidegate-agent history`."""

_STATE: Final[TypeAdapter[State]] = TypeAdapter(State)
_MEMORY: Final = TypeAdapter(Memory)
_TARGET: Final = TypeAdapter(Target)
_FAILURE: Final = TypeAdapter(Failure)

T = TypeVar("T")


class SqliteJournal:
    """The Journal port on one database file. Safe to call from several threads.

    Raises:
        ConfigError: CONFIG_VALUE, when others could write to the file or its directory.
        JournalError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = _open_or_replace(path)
        self._thinning = Thinning()

    def begin(self) -> Life:
        """A life of the agent begins: its number, and how the one before ended."""
        with self._transaction() as db:
            before = _meta(db, "starts") or "0"
            # An older agent did not write down how it ended: that is no crash.
            crashed = (_meta(db, "ended") or before) != before
            _set_meta(db, "ended", before)
            _set_meta(db, "starts", str(int(before) + 1))
            return Life(int(before) + 1, crashed)

    def end(self) -> None:
        """This life ends in order."""
        with self._transaction() as db:
            _set_meta(db, "ended", _meta(db, "starts") or "0")

    def recall(self, follow: Follow) -> Recollection:
        """What was last committed for a follow."""
        row = self._one("select state, memory, installed from follow where follow = ?", follow.key)
        if row is None:
            return Recollection()
        state, memory, installed = row
        return Recollection(_STATE.validate_json(state), _MEMORY.validate_json(memory), installed)

    def commit(self, change: Change) -> None:
        """Write a change, durably, in one transaction."""
        key = "" if change.follow is None else change.follow.key
        with self._transaction() as db:
            _write_follow(db, key, change)
            journal_requests.write(db, change)
            for event in change.events:
                values = (event.id, key, event.to_json().decode())
                db.execute("insert or ignore into event (id, follow, body) values (?, ?, ?)", values)
            if change.events:
                self._thinning.thin(db)
            for digest, failure in change.quarantine:
                body = _FAILURE.dump_json(failure).decode()
                db.execute("insert or replace into quarantine values (?, ?, ?)", (key, digest, body))
            for digest in change.pardon:
                db.execute("delete from quarantine where follow = ? and digest = ?", (key, digest))
            journal_people.write(db, key, change)
            journal_downloads.write(db, change)
            if change.message is not None:
                _write_message(db, key, *change.message)
            if change.clock_floor is not None:
                _raise_clock_floor(db, change.clock_floor)

    def unsent(self, limit: int, after: int = 0) -> Sequence[Letter]:
        """The oldest letters with tokens above `after`, in order."""
        query = "select token, body from event where sent = 0 and token > ? order by token limit ?"
        rows = self._all(query, after, limit)
        return [Letter(token, UpdateEvent.model_validate_json(body)) for token, body in rows]

    def sent(self, token: int) -> None:
        """The broker has this letter; old history makes room."""
        with self._transaction() as db:
            db.execute("update event set sent = 1 where token = ?", (token,))
            db.execute("delete from event where sent = 1 and token <= ?", (token - HISTORY_KEPT,))

    def dropped(self) -> int:
        """How many events were dropped unsent, because too many waited."""
        with self._guarded() as db:
            return int(_meta(db, "dropped") or 0)

    def history(self, limit: int) -> Sequence[UpdateEvent]:
        """The newest events, sent or not, newest first."""
        rows = self._all("select body from event order by token desc limit ?", limit)
        return [UpdateEvent.model_validate_json(body) for (body,) in rows]

    def quarantined(self, follow: Follow) -> dict[str, Failure]:
        """Digests that are not staged again, and why."""
        rows = self._all("select digest, failure from quarantine where follow = ?", follow.key)
        return {digest: _FAILURE.validate_json(failure) for digest, failure in rows}

    def attempts(self, follow: Follow, digest: str) -> int:
        """How often this digest was tried here."""
        row = self._one("select tries from release where follow = ? and digest = ?", follow.key, digest)
        return int(row[0]) if row else 0

    def target(self, follow: Follow, digest: str) -> Target | None:
        """What was asked for when this digest was last tried here; None when it never was."""
        row = self._one("select target from release where follow = ? and digest = ?", follow.key, digest)
        return _TARGET.validate_json(row[0]) if row else None

    def message(self, follow: Follow, digest: str) -> bytes | None:
        """The newest statement that announced this digest, as it came; None when it is not kept."""
        row = self._one("select message from statement where follow = ? and digest = ?", follow.key, digest)
        return bytes(row[0]) if row else None

    def approval(self, follow: Follow) -> Approval | None:
        """The last approval given for a follow."""
        with self._guarded() as db:
            return journal_people.read_approval(db, follow.key)

    def snooze(self, follow: Follow) -> Snooze | None:
        """The last time that an update of a follow was put off."""
        with self._guarded() as db:
            return journal_people.read_snooze(db, follow.key)

    def hold(self, follow: Follow) -> Hold | None:
        """The last word on whether a follow is held back; None when there never was one."""
        with self._guarded() as db:
            return journal_requests.read_hold(db, follow.key)

    def keep(self, name: str, message: bytes) -> bool:
        """Keep a request until it is decided; whether it is kept now. It is not when INBOX others are."""
        with self._transaction() as db:
            return journal_requests.keep(db, name, message)

    def kept(self) -> Sequence[bytes]:
        """The requests that were kept and not decided, oldest first."""
        with self._guarded() as db:
            return journal_requests.read_inbox(db)

    def ledger(self) -> Ledger:
        """The requests that count as used."""
        with self._guarded() as db:
            return journal_requests.read_ledger(db)

    def fetched(self, period: str) -> int:
        """How many bytes were fetched in a period of the budget."""
        with self._guarded() as db:
            return journal_downloads.read(db, period)

    def clock_floor(self) -> datetime | None:
        """The latest time that was trusted."""
        with self._guarded() as db:
            text = _meta(db, "clock_floor")
        return datetime.fromisoformat(text) if text else None

    def close(self) -> None:
        """Release the files."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise JournalError(_code_of(error), f"the journal cannot be used: {error}") from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._guarded() as db, db:
            db.execute("begin immediate")
            yield db

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        with self._guarded() as db:
            row: tuple[Any, ...] | None = db.execute(query, values).fetchone()
            return row

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._guarded() as db:
            return db.execute(query, values).fetchall()


def _open_or_replace(path: Path) -> sqlite3.Connection:
    try:
        make_own_folder(path.parent, "the journal's directory")
        return _open(path)
    except OSError as error:
        reason = f"the journal {path} cannot be opened: {error.strerror}"
        raise JournalError(Code.DISK_IO, reason) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            reason = f"the journal {path} cannot be opened: {error}"
            raise JournalError(_code_of(error), reason) from error
        aside = path.with_suffix(".damaged")
        logger.error("[{}] {}: {}; it is kept as {}", Code.JOURNAL_CORRUPT, path, error, aside)
        _set_aside(path, aside)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    require_own_file(path, "the journal")
    db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        # A few rows are read at a time; by default up to 2 MiB of pages would stay in memory.
        db.execute("pragma cache_size = -256")
        _check(db)
        migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection) -> None:
    if db.execute("pragma quick_check(1)").fetchone()[0] != "ok":
        message = "the integrity check failed"
        raise sqlite3.DatabaseError(message)


def _set_aside(path: Path, aside: Path) -> None:
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _write_follow(db: sqlite3.Connection, key: str, change: Change) -> None:
    if (change.state, change.memory, change.installed_sequence) == (None, None, None):
        return
    idle, blank = _STATE.dump_json(Idle()).decode(), _MEMORY.dump_json(Memory()).decode()
    db.execute("insert or ignore into follow values (?, ?, ?, 0)", (key, idle, blank))
    if change.state is not None:
        body = _STATE.dump_json(change.state).decode()
        db.execute("update follow set state = ? where follow = ?", (body, key))
        _write_release(db, key, change.state)
    if change.memory is not None:
        body = _MEMORY.dump_json(change.memory).decode()
        db.execute("update follow set memory = ? where follow = ?", (body, key))
    if change.installed_sequence is not None:
        values = (change.installed_sequence, key)
        db.execute("update follow set installed = ? where follow = ?", values)


def _write_release(db: sqlite3.Connection, key: str, state: State) -> None:
    update = update_of(state)
    if update is not None:
        target = _TARGET.dump_json(update.target).decode()
        released = update.target.rollout.state is RolloutState.ACTIVE
        values = (key, update.target.digest, update.attempt, target, released)
        # A hold or a revocation may be one signer's word: it must not make an image look newer than it is.
        db.execute(
            "insert into release values (?, ?, ?, ?) on conflict do update set"
            " tries = max(tries, excluded.tries), target = iif(?, excluded.target, target)",
            values,
        )


def _write_message(db: sqlite3.Connection, key: str, digest: str, message: bytes) -> None:
    db.execute("delete from statement where follow = ? and digest = ?", (key, digest))
    values = (key, digest, message)
    db.execute("insert into statement (follow, digest, message) values (?, ?, ?)", values)
    db.execute(
        "delete from statement where follow = ? and place not in"
        " (select place from statement where follow = ? order by place desc limit ?)",
        (key, key, MESSAGES),
    )


def _meta(db: sqlite3.Connection, name: str) -> str | None:
    row = db.execute("select value from meta where name = ?", (name,)).fetchone()
    return row[0] if row else None


def _set_meta(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("insert or replace into meta values (?, ?)", (name, value))


def _raise_clock_floor(db: sqlite3.Connection, moment: datetime) -> None:
    # The channels of a host share it: an older statement of one must not undo a newer one of another.
    known = _meta(db, "clock_floor")
    if known is None or datetime.fromisoformat(known) < moment:
        _set_meta(db, "clock_floor", rfc3339(moment))


def _code_of(error: sqlite3.Error) -> Code:
    full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return Code.DISK_FULL if full else Code.DISK_IO
