"""Journals of older agents, in every state: today's reads all of it, goes on, and ends the update."""

from __future__ import annotations

import contextlib
import gzip
import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.rig import FOLLOW, Rig
from tests.support.statements import digest_of
from tidegate_agent.adapters.journal_schema import SCHEMA_VERSION
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.model import ImageStatus
from tidegate_agent.requests import RequestPolicy
from tidegate_agent.update.states import Outcome, Settled
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

JOURNALS: Final = Path(__file__).parents[2] / "golden" / "journals"
BAD, NEW, OLD = digest_of("c"), digest_of("a"), digest_of("0")

AFTER_BOOT: Final = ImageStatus(current=NEW, staged=None, previous=OLD)
AT_WORK: Final = {
    "waiting": None,
    "staging": None,
    "staged": None,
    "activating": None,
    "rebooting": AFTER_BOOT,
    "proving": AFTER_BOOT,
    "rolling-back": AFTER_BOOT,
    "settled": AFTER_BOOT,
    "words": None,
}
"""The states, and what the image engine finds after the restart where that has changed meanwhile."""


def put(name: str, database: Path) -> None:
    """Lay an old journal out."""
    if name.endswith("cut-off"):
        for suffix in ("db", "db-wal"):
            content = gzip.decompress((JOURNALS / f"{name}.{suffix}.gz").read_bytes())
            database.with_suffix(f".{suffix}").write_bytes(content)
    else:
        with contextlib.closing(sqlite3.connect(database)) as db:
            db.executescript((JOURNALS / f"{name}.sql").read_text(encoding="utf-8"))
    for each in database.parent.iterdir():
        each.chmod(0o600)


def rows(database: Path, query: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(database)) as db:
        return [row[0] for row in db.execute(query)]


def has_statements(database: Path) -> bool:
    return bool(rows(database, "select 1 from sqlite_schema where name = 'statement'"))


def sign_again(rig: Rig, messages: list[bytes]) -> None:
    """Let the host's verifier believe what the one of that time had signed."""
    signed = {json.loads(message)["signed"]: message for message in messages}
    for number in range(max(signed, default=-1) + 1):
        message = signed.get(number, b'{"payload": "another"}')
        again = rig.verifier.sign(json.loads(message)["payload"].encode())
        assert number not in signed or again == message


@contextlib.contextmanager
def updated_agent(database: Path, image: ImageStatus | None) -> Iterator[Rig]:
    """A host on which today's agent takes the journal over."""
    rig = Rig(requests=RequestPolicy())
    rig.clock.advance(timedelta(hours=6))
    if image is not None:
        rig.image.reboot(image)
    sign_again(rig, rows(database, "select message from statement") if has_statements(database) else [])
    rig.journal = SqliteJournal(database)
    rig.restart()
    try:
        yield rig
    finally:
        rig.journal.close()


@pytest.mark.parametrize("state", AT_WORK)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_old_journal_is_read_and_its_update_ends(tmp_path: Path, version: int, state: str) -> None:
    database = tmp_path / "journal.db"
    put(f"{version}-{state}", database)
    assert rows(database, "pragma user_version") == [version]
    waiting = rows(database, "select id from event where sent = 0 order by token")
    assert waiting
    with updated_agent(database, AT_WORK[state]) as rig:
        if state in {"staged", "words"}:
            assert rig.ask("resume")["ok"] == (version > 1)
        for _ in range(6):
            rig.advance(timedelta(hours=1))
        ended = rig.journal.recall(FOLLOW)
        assert isinstance(ended.state, Settled)
        sick = state == "rolling-back"
        assert ended.state.outcome is (Outcome.ROLLED_BACK if sick else Outcome.SUCCEEDED)
        assert rig.image.status().current == (OLD if sick else NEW)
        assert (ended.memory.sequence, ended.state.update.target.digest) == (2, NEW)
        assert rig.journal.quarantined(FOLLOW)[BAD].code is Code.HEALTH_TIMEOUT
        told = [event.id for event in rig.events()]
        assert told[: len(waiting)] == waiting
        assert len(told) == len(set(told))
        assert rig.steps()[-1] in {Step.SUCCEEDED, Step.ROLLED_BACK, Step.ANSWERED}
    assert rows(database, "pragma user_version") == [SCHEMA_VERSION]
    assert not list(tmp_path.glob("*damaged*"))


@pytest.mark.parametrize("version", [2, 3])
def test_what_people_and_requests_had_said_holds(tmp_path: Path, version: int) -> None:
    database = tmp_path / "journal.db"
    put(f"{version}-words", database)
    with contextlib.closing(SqliteJournal(database)) as journal:
        approval, hold = journal.approval(FOLLOW), journal.hold(FOLLOW)
        assert approval is not None
        assert hold is not None
        assert (approval.digest, hold.held, hold.reason) == (NEW, True, "the line runs")
        assert len(journal.kept()) == 1
        assert len(journal.ledger().spent) == 1
        assert (journal.snooze(FOLLOW) is not None) == (version >= 3)
        assert journal.message(FOLLOW, NEW) is not None


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_journal_whose_power_was_cut_is_taken_over_with_its_log(tmp_path: Path, version: int) -> None:
    database = tmp_path / "journal.db"
    put(f"{version}-cut-off", database)
    with contextlib.closing(SqliteJournal(database)) as journal:
        assert journal.damage() is None
        assert journal.recall(FOLLOW).memory.sequence == 2
        assert journal.recall(FOLLOW).state.kind == "staged"
        assert list(journal.quarantined(FOLLOW)) == [BAD]
        assert len(journal.unsent(99)) > 0
