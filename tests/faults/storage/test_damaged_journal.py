"""A journal that is damaged, in any part and at any time: the host goes on, and forgets no sequence."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.storage.journal_life import FOLLOW, parts
from tests.support.statements import digest_of
from tests.support.updates import FAILURE
from tidegate_agent.adapters.journal_file import KEPT
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.admission import Memory
from tidegate_agent.errors import JournalError
from tidegate_agent.records import Change, Damage, Hold
from tidegate_agent.update.states import Idle
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGE: Final = 4096
MEMORY: Final = Memory(12, "print", 3)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state of a host that has lived: its journal is closed, and SQLite's log is in it."""
    with contextlib.closing(SqliteJournal(tmp_path / "journal.db")) as journal:
        for step in parts()[0]:
            step(journal)
        journal.commit(Change(FOLLOW, memory=MEMORY))
    return tmp_path


@pytest.fixture
def cut_off(state: Path, tmp_path: Path) -> Path:
    """The same host after a power cut: the last changes are in SQLite's log alone."""
    left = tmp_path / "left"
    left.mkdir()
    with contextlib.closing(SqliteJournal(state / "journal.db")) as journal:
        journal.begin()
        for sequence in range(13, 18):
            journal.commit(Change(FOLLOW, memory=Memory(sequence, "print", 3)))
        for each in state.iterdir():
            if each.is_file():
                shutil.copy(each, left)
    return left


def page_of(database: Path, name: str) -> int:
    """The number, from 0, of the page at which a table or an index begins."""
    with contextlib.closing(sqlite3.connect(database)) as db:
        (root,) = db.execute("select rootpage from sqlite_schema where name = ?", (name,)).fetchone()
        return int(root) - 1


def spoil(path: Path, start: int, length: int, seed: int = 5) -> None:
    noise = random.Random(seed).randbytes(length)  # noqa: S311 - no secret
    with path.open("r+b") as file:
        file.seek(start)
        file.write(noise)


def _header(database: Path) -> None:
    spoil(database, 0, 100)


def _schema(database: Path) -> None:
    spoil(database, 100, PAGE - 100)


def _table(database: Path) -> None:
    spoil(database, page_of(database, "follow") * PAGE, PAGE)


def _index(database: Path) -> None:
    spoil(database, page_of(database, "event_unsent") * PAGE, PAGE)


def _free(database: Path) -> None:
    """More free pages than there are pages (file format, 1.3.12)."""
    with database.open("r+b") as file:
        file.seek(32)
        file.write((7777).to_bytes(4, "big") * 2)


def _half(database: Path) -> None:
    with database.open("r+b") as file:
        file.truncate(database.stat().st_size // 2)


def _torn_end(database: Path) -> None:
    with database.open("r+b") as file:
        file.truncate(database.stat().st_size - PAGE - 100)


def _empty(database: Path) -> None:
    database.write_bytes(b"")


def _garbage(database: Path) -> None:
    database.write_bytes(b"this was a database once" * 400)


def _gone(database: Path) -> None:
    database.unlink()


def _row(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute('update follow set state = \'{"kind": "nonsense"}\'')
        db.commit()


DAMAGES: Final = (
    _header,
    _schema,
    _table,
    _index,
    _free,
    _half,
    _torn_end,
    _empty,
    _garbage,
    _gone,
    _row,
)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__.strip("_"))
def test_what_must_not_be_forgotten_outlives_every_damage(
    state: Path, damage: Callable[[Path], None]
) -> None:
    path = state / "journal.db"
    damage(path)
    with contextlib.closing(SqliteJournal(path)) as journal:
        found = journal.damage()
        assert found is not None
        assert journal.begin().number == 2
        assert journal.recall(FOLLOW).state == Idle()
        assert (journal.recall(FOLLOW).memory, journal.recall(FOLLOW).installed_sequence) == (MEMORY, 0)
        assert journal.quarantined(FOLLOW) == {digest_of("f"): FAILURE}
        hold = journal.hold(FOLLOW)
        assert hold is not None
        assert (hold.held, hold.by) == (True, "ann")
        # A request that was used before cannot be used again: it ends no later than this.
        assert journal.ledger().closed_until is not None
        journal.commit(Change(None, damage_told=True))
        assert journal.damage() is None
    kept = path.with_name("journal.db.damaged-1")
    assert found == Damage(found.reason, kept.name if kept.exists() else None)
    assert kept.exists() == (damage not in {_empty, _gone})
    with contextlib.closing(SqliteJournal(path)) as journal:
        assert (journal.damage(), journal.begin().number) == (None, 3)


@pytest.mark.parametrize("where", [0, 32, 4000, 9000], ids=["header", "frame header", "frame", "later frame"])
def test_a_log_that_is_damaged_is_no_way_back(cut_off: Path, where: int) -> None:
    """SQLite itself would leave out what comes after, and show an older state as if nothing had been."""
    spoil(cut_off / "journal.db-wal", where, 24)
    with contextlib.closing(SqliteJournal(cut_off / "journal.db")) as journal:
        assert journal.damage() is not None
        assert journal.recall(FOLLOW).memory.sequence == 17


def test_a_log_that_is_whole_is_no_damage(cut_off: Path) -> None:
    with contextlib.closing(SqliteJournal(cut_off / "journal.db")) as journal:
        assert journal.damage() is None
        assert journal.recall(FOLLOW).memory.sequence == 17


def test_damage_that_shows_later_costs_one_call(state: Path) -> None:
    path = state / "journal.db"
    with contextlib.closing(SqliteJournal(path)) as journal:
        journal.begin()
        # Another's change makes SQLite read all pages again.
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("insert or replace into meta values ('touched', '1')")
            other.commit()
            other.execute("pragma wal_checkpoint(truncate)")
        spoil(path, 0, path.stat().st_size)
        with pytest.raises(JournalError) as raised:
            journal.recall(FOLLOW)
        assert raised.value.code is Code.JOURNAL_CORRUPT
        assert journal.recall(FOLLOW).memory == MEMORY
        assert journal.damage() is not None
        journal.commit(Change(FOLLOW, memory=Memory(13, "print")))
    with contextlib.closing(SqliteJournal(path)) as journal:
        assert journal.recall(FOLLOW).memory.sequence == 13


@pytest.mark.parametrize(
    ("table", "column", "ask"),
    [
        ("event", "body", lambda journal: journal.unsent(9)),
        ("event", "body", lambda journal: journal.history(9)),
        ("quarantine", "failure", lambda journal: journal.quarantined(FOLLOW)),
        ("release", "target", lambda journal: journal.target(FOLLOW, digest_of("a"))),
    ],
    ids=["unsent", "history", "quarantine", "target"],
)
def test_a_row_that_cannot_be_read_costs_one_call(
    state: Path, table: str, column: str, ask: Callable[[SqliteJournal], object]
) -> None:
    path = state / "journal.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"update {table} set {column} = '{{'")  # noqa: S608 - words of this file
        db.execute("update event set sent = 0")
        db.commit()
    with contextlib.closing(SqliteJournal(path)) as journal:
        with pytest.raises(JournalError) as raised:
            ask(journal)
        assert raised.value.code is Code.JOURNAL_CORRUPT
        ask(journal)
        assert journal.recall(FOLLOW).memory == MEMORY


def test_a_directory_in_its_place_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    with pytest.raises(JournalError) as raised:
        SqliteJournal(tmp_path / "journal.db")
    assert raised.value.code is Code.DISK_IO
    assert (tmp_path / "journal.db").is_dir()


def test_who_only_asks_sets_nothing_aside(state: Path) -> None:
    """A command may ask beside a running agent: that one would go on in a file that no start finds."""
    _garbage(state / "journal.db")
    with pytest.raises(JournalError) as raised:
        SqliteJournal(state / "journal.db", mends=False)
    assert raised.value.code is Code.JOURNAL_CORRUPT
    assert not list(state.glob("*.damaged-*"))


def test_the_newest_damaged_files_are_kept_and_none_is_overwritten(state: Path) -> None:
    for number in range(1, KEPT + 3):
        (state / "journal.db").write_bytes(b"no database %d" % number * 100)
        SqliteJournal(state / "journal.db").close()
    kept = {each.name: each.read_bytes()[:13] for each in state.glob("*.damaged-*")}
    assert kept == {f"journal.db.damaged-{number}": b"no database %d" % number for number in (3, 4, 5)}


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"0" * 64 + b'\n{"meta":[]}\n'], ids=["empty", "old", "false"]
)
def test_where_both_are_damaged_the_host_begins_from_nothing(state: Path, content: bytes) -> None:
    (state / "safeguard.json").write_bytes(content)
    _garbage(state / "journal.db")
    with contextlib.closing(SqliteJournal(state / "journal.db")) as journal:
        assert journal.damage() is not None
        assert journal.recall(FOLLOW).memory == Memory()
        assert journal.hold(FOLLOW) is None


def test_a_safeguard_that_cannot_be_written_fails_no_change(state: Path) -> None:
    (state / "safeguard.json").unlink()
    (state / "safeguard.json").mkdir()
    with contextlib.closing(SqliteJournal(state / "journal.db")) as journal:
        journal.commit(
            Change(FOLLOW, memory=Memory(99, "print"), holds=((FOLLOW, Hold(held=False, by="ben")),))
        )
        assert journal.recall(FOLLOW).memory.sequence == 99
