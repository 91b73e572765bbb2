"""What a batch costs is decided by what is in it, not by what was ever collected."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from tests.support.fleets import at, describes, said
from tests.support.statements import a_statement, digest_of
from tidegate_fleet.history import ReleaseKey, StatementRecord
from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.reader import StoredHistory
from tidegate_fleet.store.writer import Writer
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tidegate_fleet.store.connect import Store
    from tidegate_fleet.store.rows import Word

GROWING = re.compile(r"SCAN (event|passage|standing|follow|label|quarantine|statement|release|status)\b")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/fleet.db") as opened:
        yield opened


class Costs:
    """Every statement of a writer, and what SQLite did for it."""

    def __init__(self, store: Store) -> None:
        self.statements: list[tuple[str, Any]] = []
        self._store = store
        event.listen(store.engine, "before_cursor_execute", self._note)

    def plans(self) -> Iterator[tuple[str, str]]:
        """Each statement with a step of its plan."""
        told, self.statements = self.statements, []
        with self._store.reading() as connection:
            for statement, given in told:
                one = given[0] if isinstance(given, list) else given
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", one):
                    yield statement, row.detail

    def _note(self, _: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
        if statement.split(" ", 1)[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
            self.statements.append((statement, given))


def a_batch(second: int, labels: dict[str, str]) -> list[Word]:
    words: list[Word] = []
    for index in range(3):
        name = f"edge-{index}"
        words.append(describes(name, second, second, labels=labels, target=digest_of("b"), state="staging"))
        words += [
            said(name, step, second + more, digest=digest_of(letter), sequence=sequence)
            for more, step in enumerate((Step.WAITING, Step.SUCCEEDED))
            for sequence, letter in enumerate("ab", start=1)
        ]
    for sequence, letter in enumerate("ab", start=2 * second + 1):
        words.append(
            StatementRecord(a_statement(digest_of(letter), sequence=sequence), at(0), verified=False)
        )
    return words


def test_no_statement_of_a_batch_reads_a_table_that_grows(store: Store) -> None:
    costs, writer = Costs(store), Writer(store, "one")
    writer.write(a_batch(1, {"ring": "canary"}), at(1))
    writer.write(a_batch(2, {"ring": "rest"}), at(2))
    plans = list(costs.plans())
    assert {table for table in ("event", "passage", "statement") if any(table in plan for _, plan in plans)}
    read = [(statement, plan) for statement, plan in plans if GROWING.search(plan)]
    assert not read


def invent(store: Store, numbers: range, now: datetime) -> None:
    words: list[Word] = [
        said("loud", Step.SUCCEEDED, number, digest=f"sha256:{number:064x}", sequence=number + 1)
        for number in numbers
    ]
    Writer(store, "one").write(words, now)


def ways(store: Store, name: str) -> int:
    with store.reading() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM passage WHERE host = ?", (name,))
        return int(found.scalar_one())


def test_a_host_that_invents_releases_fills_its_own_ways_and_no_more(store: Store) -> None:
    for start in range(0, 600, 200):
        invent(store, range(start, start + 200), at(start))
    assert ways(store, "loud") == 256
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM release").scalar_one() == 256
    # What is announced has room, and every event is kept.
    writer, history = Writer(store, "one"), StoredHistory(store)
    writer.write([StatementRecord(a_statement(), at(700), verified=False)], at(700))
    writer.write([said("loud", Step.FAILED, 701)], at(701))
    assert ways(store, "loud") == 257
    assert [one.host for one in history.passages(ReleaseKey("os", "stable", digest_of("a")))] == ["loud"]
    assert history.summary().events == 601
    writer.write([said("other", Step.FAILED, 1, digest=digest_of("c"))], at(702))
    assert ways(store, "other") == 1


def questions(costs: Costs) -> int:
    told, costs.statements = costs.statements, []
    return len(told)


def test_other_labels_cost_as_many_questions_however_many_ways_there_are(store: Store) -> None:
    costs, writer = Costs(store), Writer(store, "one")
    invent(store, range(2), at(0))
    questions(costs)
    writer.write([describes("loud", 1, 1, labels={"ring": "a"})], at(1))
    few = questions(costs)
    invent(store, range(2, 200), at(2))
    questions(costs)
    writer.write([describes("loud", 3, 3, labels={"ring": "b"})], at(3))
    assert questions(costs) == few


def test_a_way_with_more_events_than_any_update_has_is_not_summed_up(store: Store) -> None:
    costs, writer = Costs(store), Writer(store, "one")
    for start in range(0, 600, 200):
        told: list[Word] = [
            said("loud", Step.WAITING, number, waiting_for="window") for number in range(start, start + 200)
        ]
        writer.write(told, at(start))
    costs.statements.clear()
    writer.write([said("loud", Step.SUCCEEDED, 700)], at(700))
    assert not [one for one, _ in costs.statements if "event.waiting_for" in one]
    writer.write([said("calm", Step.WAITING, 1, waiting_for="window")], at(701))
    writer.write([said("calm", Step.SUCCEEDED, 3)], at(702))
    found = {
        one.host: one for one in StoredHistory(store).passages(ReleaseKey("os", "stable", digest_of("a")))
    }
    assert found["calm"].waited_for == {"window": 2.0}
    assert found["loud"].events == 601


def test_events_of_other_ways_are_not_read_when_one_ends(store: Store) -> None:
    costs, writer = Costs(store), Writer(store, "one")
    writer.write([said("edge-1", Step.WAITING, 1, waiting_for="window")], at(1))
    writer.write([said("edge-1", Step.SUCCEEDED, 2)], at(2))
    summed = [(one, plan) for one, plan in costs.plans() if "event.waiting_for" in one]
    assert any("event_of_way (host=? AND product=? AND channel=? AND digest=?)" in plan for _, plan in summed)
