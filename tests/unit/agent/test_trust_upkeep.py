"""The upkeep of the trusted root over time: when it asks, what it does about failures, what it tells."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from tests.fakes.root_keeper import FakeRootKeeper
from tests.support.rig import Rig
from tests.support.statements import NOON
from tidegate_agent.admission import Policy
from tidegate_agent.trust_upkeep import FIRST_WITHIN, SHORTEST_PAUSE, Plan, TrustUpkeep
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY = timedelta(hours=6)
DAY = timedelta(days=1)


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="WARNING")
    yield lines
    logger.remove(sink)


class Bench:
    """An upkeep on fakes; what it hands to its worker waits in `work`."""

    def __init__(
        self,
        *,
        every: timedelta | None = EVERY,
        expires: datetime | None = None,
        floor: datetime | None = None,
    ) -> None:
        self.rig = Rig()
        self.keeper = FakeRootKeeper(expires)
        self.work: deque[Callable[[], None]] = deque()
        self.share = 0.5
        self.changes = 0
        around = replace(self.rig.around, policy=Policy(clock_floor=floor))
        plan = Plan(every, timedelta(days=7), lambda: self.share, self.work.append)
        self.upkeep = TrustUpkeep(self.keeper, around, plan)

    def begin(self) -> None:
        self.upkeep.begin(self._count)
        self.settle()

    def settle(self) -> None:
        self.rig.settle()
        while self.work:
            self.work.popleft()()
            self.rig.settle()

    def advance(self, by: timedelta) -> None:
        self.rig.clock.advance(by)
        self.settle()

    def _count(self) -> None:
        self.changes += 1

    @property
    def asked(self) -> int:
        return len(self.keeper.asked)


def test_without_a_root_it_asks_at_once_but_elsewhere() -> None:
    bench = Bench()
    bench.keeper.publish(b"first")
    bench.upkeep.begin(lambda: None)
    bench.rig.settle()
    assert (bench.asked, len(bench.work)) == (0, 1)
    status = bench.upkeep.status()
    assert (status.root_digest, status.code) == (None, Code.TRUST_ROOT_MISSING)
    bench.settle()
    assert bench.asked == 1
    status = bench.upkeep.status()
    assert status.root_digest is not None
    assert status.code is None


def test_a_root_that_is_lost_on_the_disk_is_fetched_within_the_hour() -> None:
    bench = Bench()
    bench.keeper.publish(b"first")
    bench.begin()
    bench.keeper.lose()
    bench.advance(timedelta(hours=1))
    assert bench.asked == 2
    assert bench.upkeep.status().root_digest is not None
    assert bench.changes == 2


def test_with_a_root_the_first_refresh_is_somewhen_within_minutes() -> None:
    bench = Bench()
    bench.keeper.publish(b"first")
    bench.keeper.refresh(NOON)
    bench.begin()
    assert bench.asked == 1
    bench.advance(FIRST_WITHIN / 2 - timedelta(seconds=1))
    assert bench.asked == 1
    bench.advance(timedelta(seconds=1))
    assert bench.asked == 2
    assert bench.changes == 0, "the same root is no change"


def test_hosts_drift_apart_and_none_waits_longer_than_it_was_told() -> None:
    for share, pause in ((0.0, EVERY), (0.999, EVERY * 0.75)):
        bench = Bench()
        bench.share = share
        bench.keeper.publish(b"first")
        bench.begin()
        bench.advance(pause - timedelta(minutes=1))
        assert bench.asked == 1
        bench.advance(timedelta(minutes=2))
        assert bench.asked == 2


def test_another_root_is_made_known() -> None:
    bench = Bench()
    bench.keeper.publish(b"first")
    bench.begin()
    assert bench.changes == 1
    bench.keeper.publish(b"second")
    bench.advance(EVERY)
    assert bench.changes == 2


def test_a_failure_keeps_the_root_is_logged_once_and_tried_again(log: list[str]) -> None:
    bench = Bench()
    bench.keeper.publish(b"first")
    bench.begin()
    before = bench.upkeep.status()
    bench.keeper.spoil("the repository is gone")
    for _ in range(24):
        bench.advance(timedelta(hours=1))
    assert bench.asked > 5
    status = bench.upkeep.status()
    assert (status.root_digest, status.code, status.reason) == (
        before.root_digest,
        Code.TRUST_REFRESH_FAILED,
        "the repository is gone",
    )
    told = [line for line in log if "the repository is gone" in line]
    assert told == ["[trust.refresh-failed] the repository is gone; the root before stays in force"]
    bench.keeper.spoil("it is back, and wrong")
    bench.advance(DAY)
    assert sum("it is back, and wrong" in line for line in log) == 1
    bench.keeper.mend()
    bench.advance(DAY)
    assert bench.upkeep.status().code is None


def test_pauses_grow_from_the_shortest_to_the_interval() -> None:
    bench = Bench()
    bench.share = 0.999
    bench.keeper.spoil()
    bench.begin()
    pauses: list[timedelta] = []
    last, count = bench.rig.clock.now(), bench.asked
    while len(pauses) < 9:
        bench.advance(timedelta(minutes=1))
        if bench.asked > count:
            pauses.append(bench.rig.clock.now() - last)
            last, count = bench.rig.clock.now(), bench.asked
    minutes = [round(pause.total_seconds() / 60) for pause in pauses]
    assert minutes == [10, 20, 40, 80, 160, 320, 360, 360, 360]


def test_a_success_lets_pauses_begin_anew() -> None:
    bench = Bench()
    bench.share = 0.999
    bench.keeper.publish(b"first")
    bench.keeper.spoil()
    bench.begin()
    for _ in range(9):
        bench.advance(EVERY)
    bench.keeper.mend()
    bench.advance(EVERY)
    bench.keeper.spoil()
    bench.advance(EVERY)
    asked = bench.asked
    bench.advance(2 * SHORTEST_PAUSE)
    assert bench.asked == asked + 1


def test_no_pause_is_shorter_than_the_shortest() -> None:
    bench = Bench()
    bench.share = 0.0
    bench.keeper.spoil()
    bench.begin()
    bench.advance(SHORTEST_PAUSE - timedelta(seconds=1))
    assert bench.asked == 1
    bench.advance(timedelta(seconds=1))
    assert bench.asked == 2


def test_one_refresh_at_a_time() -> None:
    bench = Bench()
    bench.keeper.publish(b"first")
    bench.upkeep.begin(lambda: None)
    bench.upkeep.refresh()
    bench.upkeep.refresh()
    assert len(bench.work) == 1
    bench.settle()
    bench.upkeep.refresh()
    bench.settle()
    assert bench.asked == 2


def test_the_floor_counts_where_the_clock_is_behind() -> None:
    floor = NOON + 400 * DAY
    bench = Bench(floor=floor)
    bench.keeper.publish(b"first")
    bench.begin()
    assert bench.keeper.asked == [floor]


def test_an_end_is_told_once_a_day(log: list[str]) -> None:
    bench = Bench(expires=datetime(2026, 3, 12, 12, tzinfo=UTC))
    bench.keeper.publish(b"first")
    bench.keeper.refresh(NOON)
    bench.begin()
    assert log == []
    bench.advance(timedelta(days=4))
    assert len(log) == 1
    assert log[0].startswith("[trust.expires] the trusted root")
    for _ in range(4):
        bench.advance(timedelta(hours=5))
    assert len(log) == 1
    bench.advance(timedelta(hours=6))
    assert len(log) == 2
    assert bench.upkeep.status().warnings == (log[0].removeprefix("[trust.expires] "),)


def test_a_pinned_root_is_looked_at_and_never_asked_for() -> None:
    bench = Bench(every=None)
    bench.keeper.publish(b"first")
    bench.begin()
    status = bench.upkeep.status()
    assert (status.code, status.root_digest) == (Code.TRUST_ROOT_MISSING, None)
    bench.advance(DAY)
    assert bench.asked == 0
    bench.keeper.refresh(NOON)
    bench.advance(timedelta(hours=1))
    status = bench.upkeep.status()
    assert status.code is None
    assert status.root_digest is not None
    assert bench.changes == 1
