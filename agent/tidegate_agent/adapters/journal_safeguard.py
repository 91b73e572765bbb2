"""What must not be forgotten when the journal is damaged, in a small file of its own beside it.

Each channel's memory, so that no old statement counts again; quarantined images; holds; the latest time that
was trusted; until when requests may have been used; the number of starts. It is written whole and rarely:
when one of these has changed. It is read only where a journal begins anew. See docs/adr/0016.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from loguru import logger

from tidegate_agent.adapters.journal_rows import FAILURE, MEMORY, STATE
from tidegate_agent.adapters.whole_file import replace_file
from tidegate_agent.update.states import Idle
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

LARGEST: Final = 4 * 1024 * 1024
"""Bytes that are read at most."""


_READ: Final = {
    "meta": (
        "select name, value from meta where name in ('starts', 'clock_floor')"
        " union all select 'requests_closed_until', cast(max(moment) as text) from"
        " (select expires as moment from request union all"
        " select cast(value as integer) from meta where name = 'requests_closed_until')"
        " having max(moment) is not null"
    ),
    "follow": "select follow, memory from follow order by follow",
    "quarantine": "select follow, digest, failure from quarantine order by follow, digest",
    "hold": "select follow, held, by, reason, ordered_at from hold order by follow",
}
_WRITE: Final = {
    "meta": "insert or replace into meta (name, value) values (?, ?)",
    "follow": "insert into follow (follow, memory, state, installed) values (?, ?, ?, 0)",
    "quarantine": "insert into quarantine (follow, digest, failure) values (?, ?, ?)",
    "hold": "insert into hold (follow, held, by, reason, ordered_at) values (?, ?, ?, ?, ?)",
}

Tables = dict[str, list[list[Any]]]


class Safeguard:
    """The file beside one journal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: bytes | None = None

    def keep(self, db: sqlite3.Connection) -> None:
        """Write it if anything of it has changed. A disk that does not take it is only logged.

        Raises:
            sqlite3.Error: the journal cannot be read.
        """
        content = _encoded({name: list(map(list, db.execute(query))) for name, query in _READ.items()})
        if self._kept is None:
            self._kept = self._content()
        if content == self._kept:
            return
        try:
            replace_file(self._path, content)
        except OSError as error:
            # The journal has it all; at the next change it is tried again.
            logger.warning("[{}] {} cannot be written: {}", Code.DISK_IO, self._path, error.strerror)
            return
        self._kept = content

    def restore(self, db: sqlite3.Connection) -> bool:
        """Write what it holds into an empty journal, in the caller's transaction; whether there was anything.

        Raises:
            sqlite3.Error: the journal cannot be written.
        """
        content = self._content()
        if not content:
            return False
        try:
            tables = _decoded(content)
        except (ValueError, KeyError, TypeError) as error:
            reason = f"it is damaged, too, and not used: {error}"
            logger.error("[{}] {}: {}", Code.JOURNAL_CORRUPT, self._path, reason)
            return False
        for name, rows in tables.items():
            db.executemany(_WRITE[name], rows)
        return True

    def starts(self) -> int:
        """The number of the agent's newest start that it knows of; 0 when it knows of none."""
        try:
            return int(dict(_decoded(self._content())["meta"]).get("starts", 0))
        except (ValueError, KeyError, TypeError):
            return 0

    def is_ahead_of(self, db: sqlite3.Connection) -> bool:
        """Whether it knows more than the journal, which is written first: that has gone back.

        Raises:
            sqlite3.Error: the journal cannot be read.
        """
        try:
            kept = _decoded(self._content())
        except (ValueError, KeyError, TypeError):
            return False
        known = {follow: _age(memory) for follow, memory in db.execute(_READ["follow"])}
        (starts,) = db.execute("select value from meta where name = 'starts'").fetchone() or (0,)
        return self.starts() > int(starts) or any(
            _age(memory) > known.get(follow, (0, 0)) for follow, memory, _ in kept["follow"]
        )

    def _content(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                return file.read(LARGEST)
        except FileNotFoundError:
            return b""
        except OSError as error:
            logger.warning("[{}] {} cannot be read: {}", Code.DISK_IO, self._path, error.strerror)
            return b""


def _age(memory: str) -> tuple[int, int]:
    found = MEMORY.validate_json(memory)
    return found.resets, found.sequence


def _encoded(tables: Tables) -> bytes:
    body = json.dumps(tables, separators=(",", ":")).encode()
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n"


def _decoded(content: bytes) -> Tables:
    """The rows to be written. Raises ValueError, KeyError or TypeError where they cannot be believed."""
    digest, _, body = content.partition(b"\n")
    if hashlib.sha256(body.strip()).hexdigest().encode() != digest:
        message = "its content does not match its digest"
        raise ValueError(message)
    tables = json.loads(body)
    idle = STATE.dump_json(Idle()).decode()
    for _, memory in tables["follow"]:
        MEMORY.validate_json(memory)
    for _, _, failure in tables["quarantine"]:
        FAILURE.validate_json(failure)
    return {
        "meta": tables["meta"],
        "follow": [[follow, memory, idle] for follow, memory in tables["follow"]],
        "quarantine": tables["quarantine"],
        "hold": tables["hold"],
    }
