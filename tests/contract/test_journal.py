"""The Journal port's contract, on the fake and on SQLite."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.fakes.journal import FakeJournal
from tests.support.statements import NOON, a_statement, an_event, digest_of
from tests.support.updates import EVERY_STATE, an_update
from tidegate_agent.adapters.journal_schema import SCHEMA_VERSION, STEPS
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.admission import Memory
from tidegate_agent.errors import JournalError
from tidegate_agent.model import Failure, Follow
from tidegate_agent.records import (
    INBOX,
    QUARANTINED,
    RELEASES,
    Approval,
    Change,
    Decided,
    Fetched,
    Hold,
    Ledger,
    Life,
    Recollection,
    Snooze,
    Spent,
)
from tidegate_agent.update.states import Outcome, Settled, State
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_agent.ports import Journal

FOLLOW = Follow("os", "stable")
VERSION_1: Final = Path(__file__).parents[1] / "golden/journal-1.sql"


@pytest.fixture(params=["fake", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    made: Journal = FakeJournal() if request.param == "fake" else SqliteJournal(tmp_path / "journal.db")
    yield made
    made.close()


def test_counts_starts(journal: Journal) -> None:
    assert [journal.begin().number, journal.begin().number] == [1, 2]


def test_tells_how_the_life_before_ended(journal: Journal) -> None:
    assert not journal.begin().crashed
    journal.end()
    assert not journal.begin().crashed
    assert journal.begin().crashed
    journal.end()
    assert not journal.begin().crashed


def test_an_unknown_follow_is_idle(journal: Journal) -> None:
    assert journal.recall(FOLLOW) == Recollection()


def test_bytes_are_counted_in_their_period(journal: Journal) -> None:
    journal.commit(Change(None, fetched=Fetched("2026-03", 5_000_000_000)))
    journal.commit(Change(None, fetched=Fetched("2026-04", 7)))
    journal.commit(Change(None, fetched=Fetched("2026-03", 3)))
    journal.commit(Change(None, fetched=Fetched("2026-03", -1)))
    assert [journal.fetched(period) for period in ("2026-03", "2026-04", "2026-05")] == [5_000_000_002, 7, 0]
    journal.commit(Change(None, fetched=Fetched("2026-04", -8)))
    assert journal.fetched("2026-04") == 0


@pytest.mark.parametrize("state", EVERY_STATE, ids=lambda state: state.kind)
def test_every_state_comes_back_as_it_was(journal: Journal, state: State) -> None:
    journal.commit(Change(FOLLOW, state=state))
    assert journal.recall(FOLLOW).state == state


def test_what_a_change_leaves_out_stays(journal: Journal) -> None:
    memory = Memory(7, "print", 3, NOON, issued_at=NOON, resets=2)
    journal.commit(Change(FOLLOW, state=Settled(an_update(), Outcome.SUCCEEDED), memory=memory))
    journal.commit(Change(FOLLOW, installed_sequence=7))
    assert journal.recall(FOLLOW) == Recollection(Settled(an_update(), Outcome.SUCCEEDED), memory, 7)


def test_follows_do_not_touch_each_other(journal: Journal) -> None:
    journal.commit(Change(FOLLOW, memory=Memory(7, "print")))
    assert journal.recall(Follow("os", "beta")).memory == Memory()


def test_events_wait_in_order_until_they_are_sent(journal: Journal) -> None:
    steps = [Step.ACCEPTED, Step.STAGING, Step.STAGED]
    journal.commit(Change(FOLLOW, events=tuple(an_event(step) for step in steps)))
    letters = journal.unsent(10)
    assert [letter.event.data.step for letter in letters] == steps
    assert journal.waiting() == 3
    journal.sent(letters[0].token)
    assert journal.waiting() == 2
    assert [letter.event.data.step for letter in journal.unsent(10)] == steps[1:]
    assert [letter.token for letter in journal.unsent(10, letters[1].token)] == [letters[2].token]
    assert len(journal.unsent(1)) == 1


def test_an_event_is_written_once(journal: Journal) -> None:
    for _ in range(3):
        journal.commit(Change(FOLLOW, events=(an_event(),)))
    assert len(journal.unsent(10)) == 1


def test_history_keeps_what_was_sent_newest_first(journal: Journal) -> None:
    journal.commit(Change(FOLLOW, events=(an_event(Step.STAGED), an_event(Step.SUCCEEDED))))
    for letter in journal.unsent(10):
        journal.sent(letter.token)
    assert [event.data.step for event in journal.history(10)] == [Step.SUCCEEDED, Step.STAGED]
    assert journal.unsent(10) == []


def test_quarantine_and_pardon(journal: Journal) -> None:
    failure = Failure(Code.HEALTH_FAILED, "web: 503", {"check": "web"})
    journal.commit(Change(FOLLOW, quarantine=((digest_of("a"), failure),)))
    assert journal.quarantined(FOLLOW) == {digest_of("a"): failure}
    assert journal.quarantined(Follow("os", "beta")) == {}
    journal.commit(Change(FOLLOW, pardon=(digest_of("a"),)))
    assert journal.quarantined(FOLLOW) == {}


def test_attempts_never_fall(journal: Journal) -> None:
    digest = an_update().target.digest
    for attempt in (1, 3, 2):
        journal.commit(Change(FOLLOW, state=Settled(an_update(attempt=attempt), Outcome.FAILED)))
    assert journal.attempts(FOLLOW, digest) == 3
    assert journal.attempts(FOLLOW, digest_of("f")) == 0


def test_what_was_asked_for_is_known_by_its_digest(journal: Journal) -> None:
    update = an_update()
    journal.commit(Change(FOLLOW, state=Settled(update, Outcome.SUCCEEDED)))
    assert journal.target(FOLLOW, update.target.digest) == update.target
    assert journal.target(FOLLOW, digest_of("f")) is None


def test_an_approval_may_lapse(journal: Journal) -> None:
    approval = Approval(digest_of("a"), at_once=True, expires=NOON + timedelta(microseconds=1))
    journal.commit(Change(FOLLOW, approval=approval))
    assert journal.approval(FOLLOW) == approval
    assert journal.approval(Follow("os", "beta")) is None


def test_the_newest_snooze_counts(journal: Journal) -> None:
    assert journal.snooze(FOLLOW) is None
    for digest in ("a", "b"):
        snooze = Snooze(digest_of(digest), NOON, NOON + timedelta(microseconds=1))
        journal.commit(Change(FOLLOW, snooze=snooze))
        assert journal.snooze(FOLLOW) == snooze
    assert journal.snooze(Follow("os", "beta")) is None


def test_the_newest_approval_counts(journal: Journal) -> None:
    assert journal.approval(FOLLOW) is None
    for at_once in (True, False):
        journal.commit(Change(FOLLOW, approval=Approval(digest_of("a"), at_once)))
    assert journal.approval(FOLLOW) == Approval(digest_of("a"), at_once=False)


def test_the_clock_floor_is_kept(journal: Journal) -> None:
    assert journal.clock_floor() is None
    journal.commit(Change(FOLLOW, clock_floor=NOON))
    assert journal.clock_floor() == NOON


def test_the_clock_floor_never_falls(journal: Journal) -> None:
    for moment in (NOON, NOON - timedelta(days=1)):
        journal.commit(Change(FOLLOW, clock_floor=moment))
    assert journal.clock_floor() == NOON
    journal.commit(Change(FOLLOW, clock_floor=NOON + timedelta(microseconds=1)))
    assert journal.clock_floor() == NOON + timedelta(microseconds=1)


def test_the_last_word_on_a_hold_counts(journal: Journal) -> None:
    assert journal.hold(FOLLOW) is None
    held = Hold(held=True, by="ann", reason="the line runs", ordered_at=NOON + timedelta(microseconds=1))
    other = Follow("os", "beta")
    journal.commit(Change(None, holds=((FOLLOW, held), (other, held))))
    journal.commit(Change(other, holds=((other, Hold(held=False, by="ben")),)))
    assert (journal.hold(FOLLOW), journal.hold(other)) == (held, Hold(held=False, by="ben"))


def test_requests_are_kept_until_they_are_decided(journal: Journal) -> None:
    assert [journal.keep(name, name.encode()) for name in ("b", "a", "b")] == [True, True, True]
    assert journal.kept() == [b"b", b"a"]
    journal.commit(Change(None, decided=Decided("b")))
    assert journal.kept() == [b"a"]
    assert journal.ledger() == Ledger()


def test_the_inbox_is_bounded(journal: Journal) -> None:
    kept = [journal.keep(str(number), b"x") for number in range(INBOX + 1)]
    assert kept == [True] * INBOX + [False]
    assert len(journal.kept()) == INBOX


def test_nonces_are_forgotten_when_their_request_has_ended_and_not_before(journal: Journal) -> None:
    hour, breath = timedelta(hours=1), timedelta(microseconds=1)
    spent = [Spent("first", NOON + hour, NOON), Spent("second", NOON + 3 * hour, NOON + hour - breath)]
    for each in spent:
        journal.commit(Change(None, decided=Decided("message", each)))
    assert journal.ledger() == Ledger({"first": NOON + hour, "second": NOON + 3 * hour})
    journal.commit(Change(None, decided=Decided("message", Spent("third", NOON + 2 * hour, NOON + hour))))
    kept = {"second": NOON + 3 * hour, "third": NOON + 2 * hour}
    assert journal.ledger() == Ledger(kept, closed_until=NOON + hour)
    journal.commit(
        Change(None, decided=Decided("message", Spent("fourth", NOON + 9 * hour, NOON + 4 * hour)))
    )
    assert journal.ledger() == Ledger({"fourth": NOON + 9 * hour}, closed_until=NOON + 3 * hour)


def test_a_request_goes_to_disk_with_its_effect(journal: Journal) -> None:
    journal.keep("message", b"x")
    spent = Spent("nonce", NOON, NOON - timedelta(hours=1))
    state = Settled(an_update(), Outcome.SUCCEEDED)
    journal.commit(
        Change(FOLLOW, state=state, events=(an_event(),), decided=Decided("message", spent), clock_floor=NOON)
    )
    assert (journal.recall(FOLLOW).state, journal.kept()) == (state, [])
    assert (list(journal.ledger().spent), journal.clock_floor()) == (["nonce"], NOON)


def test_a_change_that_fails_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    """The nonce is written before the event: if the event cannot be, the nonce is not used up either."""
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.keep("message", b"x")
    saboteur = sqlite3.connect(tmp_path / "journal.db")
    with contextlib.closing(saboteur):
        saboteur.execute(
            "create trigger no_events before insert on event begin select raise(abort, 'no'); end"
        )
        saboteur.commit()
        hold = Hold(held=True, by="ann")
        spent = Spent("nonce", NOON, NOON - timedelta(hours=1))
        change = Change(
            None, events=(an_event(),), holds=((FOLLOW, hold),), decided=Decided("message", spent)
        )
        with pytest.raises(JournalError):
            journal.commit(change)
        assert (journal.hold(FOLLOW), journal.ledger(), journal.kept()) == (None, Ledger(), [b"x"])
        saboteur.execute("drop trigger no_events")
        saboteur.commit()
    journal.commit(change)
    assert (journal.hold(FOLLOW), list(journal.ledger().spent), journal.kept()) == (hold, ["nonce"], [])
    journal.close()


def test_a_journal_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.executescript(VERSION_1.read_text(encoding="utf-8"))
        assert old.execute("pragma user_version").fetchone() == (1,)
    for starts in (3, 4):
        journal = SqliteJournal(path)
        # The agent that wrote the file did not say how its lives ended.
        assert journal.begin() == Life(starts, crashed=starts == 4)
        kept = journal.recall(FOLLOW)
        assert (kept.state.kind, kept.memory.sequence, kept.installed_sequence) == ("settled", 7, 7)
        assert [letter.event.data.step for letter in journal.unsent(9)] == [Step.STAGED]
        assert len(journal.history(9)) == 2
        assert list(journal.quarantined(FOLLOW)) == [digest_of("f")]
        assert journal.approval(FOLLOW) == Approval(digest_of("a"), at_once=True)
        assert (journal.attempts(FOLLOW, digest_of("a")), journal.clock_floor()) == (3, NOON)
        assert (journal.hold(FOLLOW), journal.ledger(), journal.kept()) == (None, Ledger(), [])
        journal.close()
    assert not list(tmp_path.glob("*damaged*"))


def test_a_journal_of_the_second_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """What was approved then does not lapse: nobody said that it would."""
    path = tmp_path / "journal.db"
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.executescript("".join(STEPS[:2]))
        old.execute("insert into approval values ('os/stable', ?, 0)", (digest_of("a"),))
        old.execute("pragma user_version = 2")
        old.commit()
    path.chmod(0o600)
    for _ in range(2):
        with contextlib.closing(SqliteJournal(path)) as journal:
            assert journal.approval(FOLLOW) == Approval(digest_of("a"), at_once=False)
            assert journal.snooze(FOLLOW) is None
    assert not list(tmp_path.glob("*damaged*"))


def test_a_journal_of_the_third_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """Nothing counts as fetched yet."""
    path = tmp_path / "journal.db"
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.executescript("".join(STEPS[:3]))
        old.execute("pragma user_version = 3")
    path.chmod(0o600)
    with contextlib.closing(SqliteJournal(path)) as journal:
        assert journal.fetched("2026-03") == 0
        journal.commit(Change(None, fetched=Fetched("2026-03", 5)))
        assert journal.fetched("2026-03") == 5


def newer(path: Path, oldest_reader: str) -> None:
    """What an agent of the next version might leave behind: it has added a table."""
    SqliteJournal(path).close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("create table more (follow text primary key) strict")
        db.execute("update meta set value = ? where name = 'oldest_reader'", (oldest_reader,))
        db.execute(f"pragma user_version = {SCHEMA_VERSION + 1}")
        db.commit()


def test_after_a_rollback_the_older_agent_goes_on_with_what_a_newer_one_wrote(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    newer(path, str(SCHEMA_VERSION))
    for sequence in (1, 2):
        with contextlib.closing(SqliteJournal(path)) as journal:
            journal.commit(Change(FOLLOW, installed_sequence=sequence))
            assert journal.recall(FOLLOW).installed_sequence == sequence
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("pragma user_version").fetchone() == (SCHEMA_VERSION + 1,)


@pytest.mark.parametrize("oldest", [str(SCHEMA_VERSION + 1), "soon", ""])
def test_what_an_older_agent_cannot_read_it_leaves_alone(tmp_path: Path, oldest: str) -> None:
    path = tmp_path / "journal.db"
    newer(path, oldest)
    with pytest.raises(JournalError, match="newer tidegate-agent"):
        SqliteJournal(path)


def test_a_journal_of_a_newer_agent_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute(f"pragma user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(JournalError, match="newer tidegate-agent"):
        SqliteJournal(path)


def test_what_was_committed_survives_a_new_opening(tmp_path: Path) -> None:
    first = SqliteJournal(tmp_path / "journal.db")
    first.begin()
    first.commit(Change(FOLLOW, memory=Memory(7, "print"), events=(an_event(),)))
    first.close()
    second = SqliteJournal(tmp_path / "journal.db")
    assert second.begin() == Life(2, crashed=True)
    assert second.recall(FOLLOW).memory == Memory(7, "print")
    assert len(second.unsent(10)) == 1
    second.close()


def test_periods_of_long_ago_make_room(tmp_path: Path) -> None:
    with contextlib.closing(SqliteJournal(tmp_path / "journal.db")) as journal:
        for day in range(200):
            journal.commit(Change(None, fetched=Fetched(f"day {day}", 1)))
            journal.commit(Change(None, fetched=Fetched(f"day {day}", 1)))
        assert [journal.fetched(f"day {day}") for day in (0, 135, 136, 199)] == [0, 0, 2, 2]


def test_a_damaged_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this was a database once" * 400)
    journal = SqliteJournal(path)
    assert journal.begin().number == 1
    journal.close()
    assert (tmp_path / "journal.db.damaged-1").read_bytes().startswith(b"this was")


def test_statements_targets_are_kept_whole() -> None:
    assert an_update().target.rollout == a_statement().predicate.rollout


BAD = Failure(Code.HEALTH_FAILED, "sick")


def named(name: str) -> str:
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def try_out(journal: Journal, digest: str, previous: str | None = None, beside: str | None = None) -> None:
    update = replace(an_update(digest, previous=previous), beside=beside)
    journal.commit(Change(FOLLOW, state=Settled(update, Outcome.FAILED)))


def known(journal: Journal, digests: list[str]) -> list[str]:
    return [digest for digest in digests if journal.target(FOLLOW, digest) is not None]


def test_of_the_releases_that_were_tried_the_newest_are_remembered(journal: Journal) -> None:
    digests = [named(str(number)) for number in range(RELEASES + 5)]
    for digest in digests:
        try_out(journal, digest)
    assert known(journal, digests) == digests[5:]
    assert [journal.attempts(FOLLOW, digest) for digest in digests[3:7]] == [0, 0, 1, 1]
    try_out(journal, digests[5])
    assert known(journal, digests) == digests[5:], "what is known already needs no room"


def test_what_runs_and_what_may_come_back_is_never_forgotten(journal: Journal) -> None:
    running, beside, bad, early = (named(name) for name in ("running", "beside", "bad", "early"))
    for digest in (running, beside, bad, early):
        try_out(journal, digest)
    journal.commit(Change(FOLLOW, quarantine=((bad, BAD),)))
    for number in range(RELEASES + 5):
        try_out(journal, named(str(number)), previous=running, beside=beside)
    assert known(journal, [running, beside, bad, early]) == [running, beside, bad]


def test_one_follow_does_not_crowd_another_out(journal: Journal) -> None:
    other = Follow("app", "beta")
    digest = named("theirs")
    journal.commit(Change(other, state=Settled(an_update(digest), Outcome.FAILED)))
    journal.commit(Change(other, quarantine=((digest, BAD),)))
    for number in range(RELEASES + 5):
        try_out(journal, named(str(number)))
        journal.commit(Change(FOLLOW, quarantine=((named(str(number)), BAD),)))
    assert journal.target(other, digest) is not None
    assert journal.quarantined(other) == {digest: BAD}


def test_of_what_is_quarantined_the_newest_are_remembered(journal: Journal) -> None:
    digests = [named(str(number)) for number in range(QUARANTINED + 5)]
    for digest in digests:
        journal.commit(Change(FOLLOW, quarantine=((digest, BAD),)))
    assert list(journal.quarantined(FOLLOW)) == digests[5:]
    # Given up on once more, it is the newest.
    journal.commit(Change(FOLLOW, quarantine=((digests[5], BAD),)))
    journal.commit(Change(FOLLOW, quarantine=((named("one more"), BAD),)))
    assert list(journal.quarantined(FOLLOW)) == [*digests[7:], digests[5], named("one more")]
