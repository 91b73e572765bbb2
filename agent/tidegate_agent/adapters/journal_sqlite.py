"""The journal in SQLite (WAL, synchronous=FULL): what is committed here survives power loss.

Its tables are told in `journal_schema`; those that requests, people and downloads need are
read and written by `journal_requests`, `journal_people` and `journal_downloads`.
A database that is damaged is set aside and a new one begun: the host must stay updatable (JOURNAL_CORRUPT).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from loguru import logger
from pydantic import TypeAdapter, ValidationError

from tidegate_agent.adapters import journal_downloads, journal_people, journal_releases, journal_requests
from tidegate_agent.adapters.journal_file import code_of, damaged, open_file, set_aside
from tidegate_agent.adapters.journal_rows import MEMORY, STATE
from tidegate_agent.adapters.journal_safeguard import Safeguard
from tidegate_agent.adapters.journal_thinning import Thinning
from tidegate_agent.admission import Memory
from tidegate_agent.errors import JournalError
from tidegate_agent.records import (
    MESSAGES,
    Approval,
    Change,
    Damage,
    Hold,
    Ledger,
    Letter,
    Life,
    Recollection,
    Snooze,
)
from tidegate_agent.update.states import Idle, Target
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code
from tidegate_schemas.events import UpdateEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tidegate_agent.model import Failure, Follow

SAFEGUARD_NAME: Final = "safeguard.json"
"""What lies beside the journal for the day on which that is damaged."""

HISTORY_KEPT: Final = 2000
"""Acknowledged events that are kept for `tidegate-agent history`."""

_DAMAGE: Final = "damage"
"""The row of `meta` that says what became of the journal before; until it is told."""

_MOMENT: Final = TypeAdapter(datetime)

T = TypeVar("T")


class SqliteJournal:
    """The Journal port on one database file. Safe to call from several threads.

    Raises:
        ConfigError: CONFIG_VALUE, when others could write to the file or its directory.
        JournalError: it cannot be opened.

    Args:
        path: the database file; made where it is missing.
        mends: whether it is set aside when it is damaged. For the agent alone, never beside a running one.
    """

    def __init__(self, path: Path, *, mends: bool = True) -> None:
        self._lock = threading.RLock()
        self._path = path
        self._mends = mends
        self._safeguard = Safeguard(path.with_name(SAFEGUARD_NAME))
        self._thinning = Thinning()
        self._closed = False
        self._token = 0
        self._damage: Damage | None = None
        self._db: sqlite3.Connection | None = self._opened()

    def begin(self) -> Life:
        """A life of the agent begins: its number, and how the one before ended."""
        with self._transaction() as db:
            before = _meta(db, "starts") or "0"
            # An older agent did not write down how it ended: that is no crash.
            crashed = (_meta(db, "ended") or before) != before
            _set_meta(db, "ended", before)
            _set_meta(db, "starts", str(int(before) + 1))
        self._keep_safe()
        return Life(int(before) + 1, crashed)

    def end(self) -> None:
        """This life ends in order."""
        with self._transaction() as db:
            _set_meta(db, "ended", _meta(db, "starts") or "0")

    def recall(self, follow: Follow) -> Recollection:
        """What was last committed for a follow."""
        with self._guarded() as db:
            query = "select state, memory, installed from follow where follow = ?"
            row = db.execute(query, (follow.key,)).fetchone()
            if row is None:
                return Recollection()
            state, memory, installed = row
            return Recollection(STATE.validate_json(state), MEMORY.validate_json(memory), installed)

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
            journal_releases.write(db, key, change)
            journal_people.write(db, key, change)
            journal_downloads.write(db, change)
            if change.message is not None:
                _write_message(db, key, *change.message)
            if change.clock_floor is not None:
                _raise_clock_floor(db, change.clock_floor)
            if change.damage_told:
                db.execute("delete from meta where name = ?", (_DAMAGE,))
        if change.damage_told:
            self._damage = None
        self._keep_safe()

    def damage(self) -> Damage | None:
        """What became of the journal before this one; None when a change has said that it was told."""
        return self._damage

    def unsent(self, limit: int, after: int = 0) -> Sequence[Letter]:
        """The oldest letters with tokens above `after`, in order."""
        query = "select token, body from event where sent = 0 and token > ? order by token limit ?"
        with self._guarded() as db:
            rows = db.execute(query, (after, limit)).fetchall()
            self._token = max([self._token, *(token for token, _ in rows)])
            return [Letter(token, UpdateEvent.model_validate_json(body)) for token, body in rows]

    def sent(self, token: int) -> None:
        """The broker has this letter; old history makes room."""
        with self._transaction() as db:
            db.execute("update event set sent = 1 where token = ?", (token,))
            db.execute("delete from event where sent = 1 and token <= ?", (token - HISTORY_KEPT,))

    def waiting(self) -> int:
        """How many events the broker does not have yet."""
        with self._guarded() as db:
            (count,) = db.execute("select count(*) from event where sent = 0").fetchone()
            return int(count)

    def dropped(self) -> int:
        """How many events were dropped unsent, because too many waited."""
        with self._guarded() as db:
            return int(_meta(db, "dropped") or 0)

    def history(self, limit: int) -> Sequence[UpdateEvent]:
        """The newest events, sent or not, newest first."""
        with self._guarded() as db:
            rows = db.execute("select body from event order by token desc limit ?", (limit,)).fetchall()
            return [UpdateEvent.model_validate_json(body) for (body,) in rows]

    def quarantined(self, follow: Follow) -> dict[str, Failure]:
        """Digests that are not staged again, and why."""
        with self._guarded() as db:
            return journal_releases.quarantined(db, follow.key)

    def attempts(self, follow: Follow, digest: str) -> int:
        """How often this digest was tried here."""
        with self._guarded() as db:
            return journal_releases.attempts(db, follow.key, digest) or 0

    def target(self, follow: Follow, digest: str) -> Target | None:
        """What was asked for when this digest was last tried here; None when it never was."""
        with self._guarded() as db:
            return journal_releases.target(db, follow.key, digest)

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
            return _MOMENT.validate_python(text) if text else None

    def close(self) -> None:
        """Release the files."""
        with self._lock:
            self._closed = True
            self._release()

    def _opened(self, damage: Damage | None = None) -> sqlite3.Connection:
        """The database, replaced if need be. Raises as the constructor."""
        try:
            try:
                return self._looked_at(damage)
            except (sqlite3.Error, ValidationError) as error:
                corrupt = code_of(error, self._path) is Code.JOURNAL_CORRUPT
                if not corrupt or not self._mends or damage is not None:
                    raise
                return self._looked_at(self._set_aside(error))
        except (sqlite3.Error, OSError, ValidationError) as error:
            reason = f"the journal {self._path} cannot be opened: {_words(error)}"
            raise JournalError(code_of(error, self._path), reason) from error

    def _looked_at(self, damage: Damage | None) -> sqlite3.Connection:
        db = open_file(self._path)
        try:
            self._damage = _inherit(db, self._safeguard, damage, self._token)
            for state, memory in db.execute("select state, memory from follow"):
                STATE.validate_json(state), MEMORY.validate_json(memory)
        except BaseException:
            db.close()
            raise
        return db

    def _set_aside(self, error: Exception) -> Damage:
        damage = Damage(_words(error), set_aside(self._path).name)
        text = f"{self._path} is damaged: {damage.reason}; it is kept as {damage.aside}, and a new one begun"
        logger.error("[{}] {}", Code.JOURNAL_CORRUPT, text)
        return damage

    def _replace(self, error: Exception) -> None:
        self._release()
        try:
            damage = self._set_aside(error)
        except OSError as another:
            reason = f"the damaged journal {self._path} cannot be set aside: {another.strerror}"
            raise JournalError(code_of(another, self._path), reason) from another
        self._db = self._opened(damage)

    def _release(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()

    def _keep_safe(self) -> None:
        with self._guarded() as db:
            self._safeguard.keep(db)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise JournalError(Code.DISK_IO, f"the journal {self._path} is closed")
            if self._db is None:
                self._db = self._opened()
            try:
                yield self._db
            except (sqlite3.Error, ValidationError) as error:
                code = code_of(error, self._path)
                if code is Code.JOURNAL_CORRUPT and self._mends:
                    self._replace(error)
                raise JournalError(code, f"the journal cannot be used: {_words(error)}") from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._guarded() as db, db:
            db.execute("begin immediate")
            yield db

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        with self._guarded() as db:
            row: tuple[Any, ...] | None = db.execute(query, values).fetchone()
            return row


def _inherit(
    db: sqlite3.Connection, safeguard: Safeguard, damage: Damage | None, token: int
) -> Damage | None:
    """Begin a new journal with what the one before leaves; what is still to be told of that one."""
    with db:
        db.execute("begin immediate")
        if _meta(db, "starts") is None and db.execute("select 1 from follow").fetchone() is None:
            restored = safeguard.restore(db)
            if restored and damage is None:
                damage = Damage("it was gone, or empty", None)
            if damage is not None:
                # What is still acknowledged of the one before is no event of this one.
                db.execute("insert into sqlite_sequence (name, seq) values ('event', ?)", (token,))
                _set_meta(db, _DAMAGE, json.dumps([damage.reason, damage.aside]))
        elif safeguard.is_ahead_of(db):
            # SQLite leaves out what comes after a damaged page of its log, without a word.
            raise damaged("it has lost what was committed")
        text = _meta(db, _DAMAGE)
        return None if text is None else Damage(*json.loads(text))


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return f"a row of it is no {error.title}"
    return getattr(error, "strerror", None) or str(error)


def _write_follow(db: sqlite3.Connection, key: str, change: Change) -> None:
    if (change.state, change.memory, change.installed_sequence) == (None, None, None):
        return
    idle, blank = STATE.dump_json(Idle()).decode(), MEMORY.dump_json(Memory()).decode()
    db.execute("insert or ignore into follow values (?, ?, ?, 0)", (key, idle, blank))
    if change.state is not None:
        body = STATE.dump_json(change.state).decode()
        db.execute("update follow set state = ? where follow = ?", (body, key))
        journal_releases.write_state(db, key, change.state)
    if change.memory is not None:
        body = MEMORY.dump_json(change.memory).decode()
        db.execute("update follow set memory = ? where follow = ?", (body, key))
    if change.installed_sequence is not None:
        values = (change.installed_sequence, key)
        db.execute("update follow set installed = ? where follow = ?", values)


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
