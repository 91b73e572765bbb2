"""The journal's file: how it is opened, when it counts as damaged, and how it is set aside.

Only who holds the state directory alone sets a file aside: under a running agent it would go on in a file
that the next start does not find.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from tidegate_agent.adapters.journal_schema import migrate
from tidegate_agent.adapters.own_place import make_own_folder, require_own_file
from tidegate_agent.adapters.whole_file import sync_names
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

KEPT: Final = 3
"""Damaged files that are kept for inspection; the oldest make room."""

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY: Final = 0xFF
"""The part of SQLite's code that says what; the rest says where (https://sqlite.org/rescode.html)."""


def open_file(path: Path) -> sqlite3.Connection:
    """Open the database in WAL mode, durable, checked and with today's tables.

    Raises:
        ConfigError: CONFIG_VALUE, when others could write to the file or its directory.
        JournalError: it was written by a newer agent, in a way that this one cannot read.
        sqlite3.Error, OSError: it cannot be opened; `code_of` tells why.
    """
    make_own_folder(path.parent, "the journal's directory")
    require_own_file(path, "the journal")
    db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        # A few rows are read at a time; by default up to 2 MiB of pages would stay in memory.
        db.execute("pragma cache_size = -256")
        # Of a log that one large change made longer than the thousand pages it mostly has, none stays.
        db.execute("pragma journal_size_limit = 4194304")
        _check(db)
        migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection) -> None:
    found = db.execute("pragma quick_check(1)").fetchone()[0]
    if found != "ok":
        raise damaged(found)


def damaged(reason: str) -> sqlite3.DatabaseError:
    """The error of a database that cannot be believed, as SQLite itself raises it."""
    error = sqlite3.DatabaseError(reason)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def set_aside(path: Path) -> Path:
    """Put a damaged journal out of the way, durably, under a name that nothing has had; the name.

    The database goes first: a log that is left without one is SQLite's to throw away, while a database that
    is left without its log would look whole and be old.

    Raises:
        OSError: it cannot be renamed.
    """
    numbers = _numbers(path)
    aside = path.with_name(f"{path.name}.damaged-{max(numbers, default=0) + 1}")
    path.rename(aside)
    sync_names(path.parent)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        log.rename(aside.with_name(f"{aside.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    for number in numbers[: 1 - KEPT]:
        for suffix in ("", "-wal"):
            path.with_name(f"{path.name}.damaged-{number}{suffix}").unlink(missing_ok=True)
    sync_names(path.parent)
    return aside


def _numbers(path: Path) -> list[int]:
    pattern = re.compile(re.escape(path.name) + r"\.damaged-(\d+)")
    found = (pattern.fullmatch(each.name) for each in path.parent.iterdir())
    return sorted(int(each[1]) for each in found if each is not None)


def code_of(error: Exception, path: Path) -> Code:
    """What is wrong with the journal, after an error of SQLite, of the system, or of what was read in it."""
    if isinstance(error, ValidationError):
        return Code.JOURNAL_CORRUPT
    primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & _PRIMARY
    system = getattr(error, "errno", None)
    if primary in _DAMAGED:
        return Code.JOURNAL_CORRUPT
    if primary == sqlite3.SQLITE_FULL or system in {errno.ENOSPC, errno.EDQUOT}:
        return Code.DISK_FULL
    if primary == sqlite3.SQLITE_READONLY or system == errno.EROFS or _is_read_only(path.parent):
        return Code.DISK_READ_ONLY
    return Code.DISK_IO


def _is_read_only(directory: Path) -> bool:
    try:
        return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)
    except OSError:
        return False
