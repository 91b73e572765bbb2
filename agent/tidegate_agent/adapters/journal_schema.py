"""The tables of the journal, and how an older file comes to have them.

Version 1: `meta` (counters, clock floor), `follow` (state and memory, one row each), `event` (history and
outbox in one: what is not acknowledged is the outbox), `release` (what was tried, and how often),
`quarantine`, `approval`.
Version 2 adds what requests need: `hold` (one row for each follow that was ever held), `request` (nonces that
were used, and when their requests end, in microseconds since 1970), `inbox` (requests not decided yet); and
`statement` (admitted messages as they came, a few for each follow).
Version 3 adds `snooze` (one row for each follow in which an update was ever put off) and when an approval
lapses; both as microseconds since 1970.
Version 4 adds `download` (bytes that were fetched, a row for each of the latest periods of the budget).

The journal outlives the image: after a rollback an older agent opens what a newer one has brought up to
date. From version 3 on it can, as long as `meta` says under `oldest_reader` that its version will do. So a
step adds tables, or columns with a default to tables into which rows are inserted by the names of columns
(`approval`, `download`, `event`, `snooze`); one that does anything else raises `oldest_reader`, and strands
whoever rolls back.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from tidegate_agent.errors import JournalError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

_BEGINNING: Final = """
create table meta (name text primary key, value text not null) strict;
create table follow (
    follow text primary key, state text not null, memory text not null, installed integer not null
) strict;
create table event (
    token integer primary key autoincrement, id text not null unique, follow text not null,
    body text not null, sent integer not null default 0
) strict;
create index event_unsent on event (token) where sent = 0;
create table release (
    follow text not null, digest text not null, tries integer not null, target text not null,
    primary key (follow, digest)
) strict;
create table quarantine (
    follow text not null, digest text not null, failure text not null, primary key (follow, digest)
) strict;
create table approval (follow text primary key, digest text not null, at_once integer not null) strict;
"""

_REQUESTS: Final = """
create table hold (
    follow text primary key, held integer not null, by text not null, reason text not null, ordered_at integer
) strict;
create table request (nonce text primary key, expires integer not null) strict;
create table inbox (
    place integer primary key autoincrement, name text not null unique, message blob not null
) strict;
"""

_STATEMENTS: Final = """
create table statement (
    place integer primary key autoincrement, follow text not null, digest text not null, message blob not
    null, unique (follow, digest)
) strict;
"""

_PEOPLE: Final = """
alter table approval add column expires integer;
create table snooze (
    follow text primary key, digest text not null, first integer not null, until integer not null
) strict;
"""

_DOWNLOADS: Final = """
create table download (
    place integer primary key autoincrement, period text not null unique, bytes integer not null
) strict;
"""

STEPS: Final = (_BEGINNING, _REQUESTS + _STATEMENTS, _PEOPLE, _DOWNLOADS)
"""From each version to the next; an empty file has version 0."""

OLDEST_READER: Final = 3
"""The version whose agents can still use what this one writes."""

_SAY_READER: Final = f"""
insert or replace into meta (name, value) values ('oldest_reader', '{OLDEST_READER}');
"""  # noqa: S608 - a constant

SCHEMA_VERSION: Final = len(STEPS)


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring a database to SCHEMA_VERSION, in one transaction; a newer one that will do is left as it is.

    Raises:
        JournalError: JOURNAL_CORRUPT, it was written by a newer agent, in a way that this one cannot read.
        sqlite3.Error: it cannot be.
    """
    version = db.execute("pragma user_version").fetchone()[0]
    if version > SCHEMA_VERSION and not _will_do(db):
        reason = f"the journal {path} was written by a newer tidegate-agent (schema {version})"
        raise JournalError(Code.JOURNAL_CORRUPT, reason)
    if version < SCHEMA_VERSION:
        steps = "".join(STEPS[version:])
        end = f"{_SAY_READER} pragma user_version = {SCHEMA_VERSION}; commit;"
        db.executescript(f"begin immediate; {steps} {end}")


def _will_do(db: sqlite3.Connection) -> bool:
    """Whether a newer agent says that this one can use what it wrote."""
    try:
        row = db.execute("select value from meta where name = 'oldest_reader'").fetchone()
        return row is not None and int(row[0]) <= SCHEMA_VERSION
    except (sqlite3.OperationalError, ValueError):
        return False
