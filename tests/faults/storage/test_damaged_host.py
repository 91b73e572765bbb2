"""A host whose journal is damaged or lost, running or off: where it goes on, what it tells."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.support.rig import FOLLOW, Rig
from tests.support.updates import NEW, NEWER
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.engine import DISK_PAUSE
from tidegate_agent.update.states import Settled
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_schemas.events import UpdateData


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def rig(database: Path) -> Iterator[Rig]:
    """A host that was updated once."""
    made = Rig(journal=SqliteJournal(database))
    made.announce(NEW)
    assert made.status().follows[0].current == NEW
    yield made
    made.journal.close()


def told(rig: Rig) -> list[UpdateData]:
    return [event.data for event in rig.events() if event.data.step is Step.DAMAGED]


def spoil_rows(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute("update quarantine set failure = '{'")
        db.execute("insert or replace into quarantine values ('os/stable', ?, '{')", (NEWER,))
        db.commit()


def test_a_journal_that_is_lost_while_the_agent_runs_is_written_anew_and_told_of_once(
    rig: Rig, database: Path
) -> None:
    before = rig.journal.recall(FOLLOW)
    spoil_rows(database)
    rig.ask("status")
    assert rig.journal.recall(FOLLOW) == before
    assert [each.code for each in told(rig)] == [Code.JOURNAL_CORRUPT]
    assert "it is kept as journal.db.damaged-1" in told(rig)[0].reason
    rig.announce(NEWER, sequence=2)
    rig.advance(DISK_PAUSE)
    assert rig.status().follows[0].current == NEWER
    assert rig.status().fault is None
    assert rig.steps()[-1] is Step.SUCCEEDED
    assert len(told(rig)) == 1


def test_a_journal_that_is_lost_while_the_host_is_off_is_begun_from_the_engines_truth(
    rig: Rig, database: Path
) -> None:
    rig.journal.close()
    database.write_bytes(b"no database" * 1000)
    rig.journal = SqliteJournal(database)
    rig.restart()
    assert rig.status().follows[0].current == NEW
    assert len(told(rig)) == 1
    assert rig.image.calls.count(f"activate {NEW}") == 1
    state = rig.journal.recall(FOLLOW).state
    # What the broker still holds is what the host stands at: known, and no reason to do anything.
    assert isinstance(state, Settled)
    assert rig.journal.recall(FOLLOW).memory.sequence == 1


def test_a_damaged_journal_opens_no_way_back_to_an_older_release(rig: Rig, database: Path) -> None:
    old = rig.announce(NEW, sequence=2)
    rig.announce(NEWER, sequence=3)
    assert rig.status().follows[0].current == NEWER
    rig.journal.close()
    database.unlink()
    rig.journal = SqliteJournal(database)
    rig.restart()
    rig.say(old)
    assert rig.status().follows[0].current == NEWER
    assert rig.events()[-1].data.code is Code.STATEMENT_ROLLBACK


def test_damage_in_the_middle_of_an_update_costs_no_step_of_it(rig: Rig, database: Path) -> None:
    rig.image.halfway = lambda: spoil_rows(database)
    rig.announce(NEWER, sequence=2)
    rig.advance(DISK_PAUSE)
    rig.advance(DISK_PAUSE)
    assert rig.status().follows[0].current == NEWER
    assert rig.image.calls.count(f"activate {NEWER}") == 1
    assert rig.steps()[-1] is Step.SUCCEEDED
    assert len(told(rig)) == 1
