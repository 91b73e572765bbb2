"""The Journal port's contract for an outbox that nobody empties, on the fake and on SQLite."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.fakes.journal import FakeJournal
from tests.support.statements import an_event
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.model import Follow
from tidegate_agent.records import Change
from tidegate_agent.thinning import AT_ONCE, ENOUGH, SPARED
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_agent.ports import Journal
    from tidegate_schemas.events import UpdateEvent

FOLLOW = Follow("os", "stable")


@pytest.fixture(params=["fake", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    made: Journal = FakeJournal() if request.param == "fake" else SqliteJournal(tmp_path / "journal.db")
    yield made
    made.close()


def told(step: Step, count: int, name: str, **data: object) -> tuple[UpdateEvent, ...]:
    event = an_event(step)
    changed = event.model_copy(update={"data": event.data.model_copy(update=data)})
    return tuple(changed.model_copy(update={"id": f"{name}-{number}"}) for number in range(count))


def kept(journal: Journal) -> list[str]:
    return [letter.event.id for letter in journal.unsent(3 * ENOUGH)]


def test_the_oldest_progress_makes_room(journal: Journal) -> None:
    results = told(Step.SUCCEEDED, ENOUGH - 50, "result")
    journal.commit(Change(FOLLOW, events=told(Step.STAGING, 100, "progress", percent=25)))
    journal.commit(Change(FOLLOW, events=results[:-1]))
    assert journal.dropped() == 100 - SPARED
    journal.commit(Change(FOLLOW, events=results[-1:]))
    first = [f"progress-{number}" for number in range(SPARED)]
    assert kept(journal) == [*first, *(event.id for event in results)]


def test_below_the_limit_nothing_is_dropped_and_one_above_it_a_hundred_are(journal: Journal) -> None:
    waits = told(Step.WAITING, ENOUGH + 1, "wait")
    journal.commit(Change(FOLLOW, events=waits[:-1]))
    assert (journal.dropped(), len(kept(journal))) == (0, ENOUGH)
    journal.commit(Change(FOLLOW, events=waits[-1:]))
    assert journal.dropped() == AT_ONCE + 1
    assert kept(journal)[SPARED - 1 : SPARED + 1] == ["wait-15", f"wait-{SPARED + AT_ONCE + 1}"]


def test_refusals_go_as_progress_does_and_signed_answers_stay(journal: Journal) -> None:
    journal.commit(Change(FOLLOW, events=told(Step.REJECTED, 2000, "refusal", sequence=None)))
    journal.commit(Change(FOLLOW, events=told(Step.ANSWERED, 2000, "false", details={"message": "sha256:x"})))
    journal.commit(Change(FOLLOW, events=told(Step.ANSWERED, 2000, "answer", details={"nonce": "x"})))
    journal.commit(Change(FOLLOW, events=told(Step.REJECTED, 2000, "rejected")))
    left = [name.rpartition("-")[0] for name in kept(journal)]
    assert (left.count("answer"), left.count("rejected")) == (2000, 2000)
    assert len(left) == 8000 - journal.dropped() <= ENOUGH


def test_what_the_broker_has_is_not_counted_and_not_dropped(journal: Journal) -> None:
    journal.commit(Change(FOLLOW, events=told(Step.WAITING, 200, "told")))
    for letter in journal.unsent(200):
        journal.sent(letter.token)
    journal.commit(Change(FOLLOW, events=told(Step.WAITING, ENOUGH, "wait")))
    assert journal.dropped() == 0
    assert len(journal.history(2 * ENOUGH)) == ENOUGH + 200


def test_what_was_dropped_is_not_in_the_history_and_may_be_told_again(journal: Journal) -> None:
    waits = told(Step.WAITING, ENOUGH + 1, "wait")
    journal.commit(Change(FOLLOW, events=waits))
    gone = waits[SPARED]
    assert gone not in journal.history(2 * ENOUGH)
    journal.commit(Change(FOLLOW, events=(gone,)))
    assert kept(journal)[-1] == gone.id


def test_years_without_a_broker_take_no_more_room_than_weeks(tmp_path: Path) -> None:
    """A host whose registry is away, too, tells of an attempt each hour."""
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    sizes = []
    for month in range(12):
        for day in range(0, 30, 10):
            some = told(Step.WAITING, 480, f"{month}-{day}")
            journal.commit(Change(FOLLOW, events=(*some, *told(Step.FAILED, 1, f"{month}-{day}-failed"))))
        with sqlite3.connect(path) as look:
            sizes.append(look.execute("select page_count from pragma_page_count").fetchone()[0])
        look.close()
    journal.close()
    assert sizes[-1] <= sizes[5] * 1.05
    reopened = SqliteJournal(path)
    assert reopened.dropped() > 12 * 3 * 481 - ENOUGH - 1
    assert sum(name.endswith("failed-0") for name in kept(reopened)) == 12 * 3
    reopened.close()
