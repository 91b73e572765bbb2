"""A courier brings each event at least once, in order, and gives up on none but those that nobody takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fakes.history import FakeHistory
from tests.support.statements import an_event
from tidegate_fleet.outward.courier import LONGEST_ASKED_S, LONGEST_PAUSE_S, Courier, Order
from tidegate_fleet.outward.cursor import Cursor
from tidegate_fleet.outward.targets import AwayError, UnwantedError
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tidegate_fleet.history import EventRecord


NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class FakeTarget:
    """Takes what it is brought, but for what a test says."""

    most: int = 1
    away: list[AwayError] = field(default_factory=list)
    unwanted: set[str] = field(default_factory=set)
    taken: list[str] = field(default_factory=list)
    requests: int = 0
    name: str = "target"

    def deliver(self, records: Sequence[EventRecord]) -> None:
        self.requests += 1
        if self.away:
            raise self.away.pop(0)
        if bad := [record.event.id for record in records if record.event.id in self.unwanted]:
            raise UnwantedError(f"what is {bad[0]}?")
        self.taken += [record.event.id for record in records]


@dataclass
class FakeLedger:
    """Remembers what it is told."""

    outcomes: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    waited: list[float] = field(default_factory=list)

    def done(self, target: str, outcome: str, count: int) -> None:
        del target
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count

    def failed(self, target: str) -> None:
        del target
        self.failures += 1

    def behind(self, target: str, seconds: float) -> None:
        del target
        self.waited.append(seconds)


class Site:
    """A store, a target, and a courier between them; `restart` begins another courier."""

    def __init__(self, folder: Path, **target: object) -> None:
        self.history = FakeHistory()
        self.target = FakeTarget(**target)  # type: ignore[arg-type] # as the dataclass has them
        self.ledger = FakeLedger()
        self.cursor = Cursor(folder / "cursor")
        self.now = NOW
        self.restart()

    def restart(self) -> None:
        order = Order(lambda event: event.data.step.final)
        self.courier = Courier(self.target, self.history, self.cursor, order, self.ledger, lambda: self.now)
        self.courier.prepare()

    def tell(self, *names: str, step: Step = Step.SUCCEEDED) -> None:
        for name in names:
            self.history.take(an_event(step).model_copy(update={"id": name}), self.now)

    def settle(self) -> None:
        while self.courier.step() == 0:
            pass


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_what_comes_is_brought_in_order_and_once(site: Site) -> None:
    site.tell("a", "b")
    site.settle()
    site.tell("c")
    site.settle()
    site.settle()
    assert site.target.taken == ["a", "b", "c"]
    assert site.ledger.outcomes == {"delivered": 3}


def test_what_was_there_before_the_first_time_is_not_news(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.tell("a")
    (tmp_path / "cursor").unlink()
    site.restart()
    site.tell("b")
    site.settle()
    assert site.target.taken == ["b"]


def test_steps_that_nobody_asked_for_are_passed_over(site: Site) -> None:
    site.tell("a", step=Step.STAGING)
    site.tell("b")
    site.settle()
    assert site.target.taken == ["b"]
    assert site.cursor.read() == site.history.newest_number()


def test_a_target_that_was_away_gets_everything_in_order(site: Site) -> None:
    site.tell("a", "b", "c")
    site.target.away = [AwayError("503"), AwayError("503")]
    first, second = site.courier.step(), site.courier.step()
    assert first is not None
    assert second is not None
    assert 0.5 <= first <= 1 <= second <= 2
    site.settle()
    assert site.target.taken == ["a", "b", "c"]
    assert site.ledger.failures == 2
    assert site.ledger.outcomes == {"delivered": 3}


def test_pauses_grow_up_to_a_bound_and_begin_anew_after_a_delivery(site: Site) -> None:
    site.tell("a")
    site.target.away = [AwayError("no")] * 40
    pauses = [site.courier.step() or 0 for _ in range(40)]
    assert LONGEST_PAUSE_S / 2 <= max(pauses) <= LONGEST_PAUSE_S
    assert pauses[-1] >= LONGEST_PAUSE_S / 2
    site.settle()
    site.tell("b")
    site.target.away = [AwayError("no")]
    assert (site.courier.step() or 0) <= 1


def test_a_pause_that_is_asked_for_is_kept_within_reason(site: Site) -> None:
    site.tell("a")
    site.target.away = [AwayError("429", 42), AwayError("429", 10**7)]
    assert site.courier.step() == 42
    assert site.courier.step() == LONGEST_ASKED_S


def test_a_restart_goes_on_after_what_was_delivered(site: Site) -> None:
    site.tell("a", "b")
    site.settle()
    site.tell("c", "d")
    site.restart()
    site.settle()
    assert site.target.taken == ["a", "b", "c", "d"]


def test_what_was_delivered_of_a_batch_that_broke_off_does_not_come_again(tmp_path: Path) -> None:
    site = Site(tmp_path, most=2)
    site.tell("a", "b", "c", "d")
    deliver = site.target.deliver

    def once(records: Sequence[EventRecord]) -> None:
        if site.target.requests == 1:
            site.target.away = [AwayError("gone")]
        deliver(records)

    site.target.deliver = once  # type: ignore[method-assign] # a fault in the middle
    site.courier.step()
    assert site.target.taken == ["a", "b"]
    site.restart()
    site.settle()
    assert site.target.taken == ["a", "b", "c", "d"]


@pytest.mark.parametrize("most", [1, 3, 100])
def test_one_event_that_nobody_takes_holds_up_no_other(tmp_path: Path, most: int) -> None:
    site = Site(tmp_path, most=most)
    site.target.unwanted = {"b"}
    site.tell("a", "b", "c", "d")
    site.settle()
    assert site.target.taken == ["a", "c", "d"]
    assert site.ledger.outcomes == {"delivered": 3, "refused": 1}


def test_what_is_too_old_is_counted_and_passed_over(site: Site) -> None:
    site.tell("a")
    site.now += timedelta(days=4)
    site.tell("b")
    site.settle()
    assert site.target.taken == ["b"]
    assert site.ledger.outcomes == {"expired": 1, "delivered": 1}


def test_how_long_the_oldest_waits_is_told_until_it_is_delivered(site: Site) -> None:
    site.tell("a")
    site.now += timedelta(seconds=30)
    site.target.away = [AwayError("no")]
    site.courier.step()
    assert site.ledger.waited[-1] == 30
    site.settle()
    assert site.ledger.waited[-1] == 0


def test_a_store_that_was_begun_anew_is_brought_from_its_beginning(site: Site) -> None:
    site.tell("a", "b", "c")
    site.settle()
    site.history = FakeHistory()
    site.tell("d")
    site.restart()
    site.settle()
    assert site.target.taken == ["a", "b", "c", "d"]


def test_a_cursor_that_is_none_is_refused_and_not_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "cursor").write_text("rubbish")
    with pytest.raises(TidegateError, match="holds no number") as refused:
        Site(tmp_path)
    assert refused.value.code is Code.CONFIG_VALUE


def test_a_target_that_takes_few_requests_gets_on_with_a_batch_that_it_refused(tmp_path: Path) -> None:
    site = Site(tmp_path, most=100)
    site.target.unwanted = {"e30"}
    site.tell(*(f"e{number}" for number in range(50)))
    deliver, budget = site.target.deliver, 0

    def seldom(records: Sequence[EventRecord]) -> None:
        nonlocal budget
        if budget == 0:
            raise AwayError("429", 60)
        budget -= 1
        deliver(records)

    site.target.deliver = seldom  # type: ignore[method-assign] # a target that limits its rate
    requests = 0
    while site.ledger.outcomes.get("delivered", 0) < 49:
        budget, requests = 5, requests + 5
        site.settle()
        assert requests <= 60, "the same events are brought again and again"
    assert site.target.taken == [f"e{number}" for number in range(50) if number != 30]
    assert site.ledger.outcomes == {"delivered": 49, "refused": 1}
    # What comes after is brought together again.
    site.tell("a", "b", "c")
    budget = 1
    site.settle()
    assert site.target.taken[-3:] == ["a", "b", "c"]


def test_what_is_too_old_is_counted_once_however_often_the_rest_is_tried(site: Site) -> None:
    site.tell("a", "b")
    site.now += timedelta(days=4)
    site.tell("c")
    site.target.away = [AwayError("503")] * 10
    for _ in range(10):
        site.courier.step()
    site.settle()
    assert site.target.taken == ["c"]
    assert site.ledger.outcomes == {"expired": 2, "delivered": 1}
