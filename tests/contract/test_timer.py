"""ports.Timer: the same promises from the fake and from APScheduler."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.timer import FakeTimer
from tests.support.waiting import wait_until
from tidegate_agent.adapters.clock_system import SystemClock
from tidegate_agent.adapters.timer_apscheduler import ApschedulerTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate_agent.ports import Clock, Timer

SOON = timedelta(milliseconds=150)
LATER = timedelta(hours=1)


class World(Protocol):
    """A timer, its clock, and a way to let time pass."""

    timer: Timer
    clock: Clock

    def until(self, condition: Callable[[], bool], what: str) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.timer = FakeTimer(self.clock)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        self.clock.advance(SOON)
        assert condition(), what


class RealWorld:
    def __init__(self) -> None:
        self.clock = SystemClock()
        self.timer = ApschedulerTimer()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, what)


@pytest.fixture(params=[FakeWorld, RealWorld])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world: World = request.param()
    yield world
    world.timer.stop()


@pytest.fixture
def heard() -> list[str]:
    return []


def test_the_clock_is_aware_and_in_utc(world: World) -> None:
    assert world.clock.now().tzinfo is UTC


def test_an_alarm_rings_once_at_its_time(world: World, heard: list[str]) -> None:
    moments = []
    at = world.clock.now() + SOON
    world.timer.wake("a", at, lambda: moments.append(world.clock.now()))
    world.timer.wake("b", at + timedelta(milliseconds=1), lambda: heard.append("b"))
    world.until(lambda: len(moments) == 1, "the alarm has rung")
    assert moments[0] >= at
    world.timer.wake("c", world.clock.now() + SOON, lambda: heard.append("c"))
    world.until(lambda: heard == ["b", "c"], "later alarms have rung")
    assert len(moments) == 1


def test_a_pause_is_over_once_when_it_has_passed(world: World, heard: list[str]) -> None:
    begun, passed = world.clock.elapsed(), list[timedelta]()
    world.timer.after("a", SOON, lambda: passed.append(world.clock.elapsed() - begun))
    world.until(lambda: len(passed) == 1, "the pause is over")
    assert passed[0] >= SOON
    world.timer.after("b", timedelta(0), lambda: heard.append("b"))
    world.until(lambda: heard == ["b"], "none has passed")
    assert len(passed) == 1


def test_moments_and_pauses_replace_each_other(world: World, heard: list[str]) -> None:
    now = world.clock.now()
    world.timer.after("a", SOON / 2, lambda: heard.append("pause"))
    world.timer.wake("a", now + LATER, lambda: heard.append("moment"))
    world.timer.wake("b", now + SOON / 2, lambda: heard.append("moment"))
    world.timer.after("b", LATER, lambda: heard.append("pause"))
    world.timer.after("c", SOON / 2, lambda: heard.append("cancelled"))
    world.timer.cancel("c")
    world.timer.after("d", SOON, lambda: heard.append("d"))
    world.until(lambda: heard != [], "the last one has rung")
    assert heard == ["d"]


def test_the_time_that_passes_is_nobodys_business(world: World) -> None:
    told: list[timedelta] = []
    world.timer.watch(told.append)
    world.timer.after("a", SOON, lambda: None)
    world.until(lambda: True, "a moment has passed")
    assert told == []


def test_an_alarm_in_the_past_rings_at_once(world: World, heard: list[str]) -> None:
    world.timer.wake("a", datetime(2001, 1, 1, tzinfo=UTC), lambda: heard.append("a"))
    world.until(lambda: heard == ["a"], "the alarm has rung")


def test_setting_an_alarm_again_replaces_it(world: World, heard: list[str]) -> None:
    now = world.clock.now()
    world.timer.wake("a", now + LATER, lambda: heard.append("first"))
    world.timer.wake("a", now + SOON, lambda: heard.append("second"))
    world.until(lambda: heard == ["second"], "the newer alarm has rung")
    world.timer.wake("a", now + SOON + SOON, lambda: heard.append("third"))
    world.timer.wake("a", now + LATER, lambda: heard.append("fourth"))
    world.timer.wake("b", now + SOON + SOON + SOON, lambda: heard.append("b"))
    world.until(lambda: True, "a moment has passed")
    world.until(lambda: "b" in heard, "the alarm after the replaced one has rung")
    assert heard == ["second", "b"]


def test_cancelled_alarms_are_silent_and_unknown_ones_no_matter(world: World, heard: list[str]) -> None:
    now = world.clock.now()
    world.timer.wake("a", now + SOON / 2, lambda: heard.append("a"))
    world.timer.wake("b", now + SOON, lambda: heard.append("b"))
    world.timer.cancel("a")
    world.timer.cancel("a")
    world.timer.cancel("never set")
    world.until(lambda: heard == ["b"], "the other alarm has rung")


def test_an_alarm_may_set_itself_again_while_it_rings(world: World, heard: list[str]) -> None:
    def _again() -> None:
        heard.append("ring")
        if len(heard) < 5:
            world.timer.wake("a", world.clock.now(), _again)

    world.timer.wake("a", world.clock.now(), _again)
    world.until(lambda: len(heard) == 5, "the alarm has rung five times")


def test_an_alarm_set_again_while_its_callback_still_runs_is_not_lost(heard: list[str]) -> None:
    """Of the real one only: APScheduler would drop the second job, as its namesake has not returned."""
    timer = ApschedulerTimer()
    begun, finish = threading.Event(), threading.Event()

    def _slow() -> None:
        begun.set()
        finish.wait(10)

    timer.wake("a", datetime.now(UTC), _slow)
    assert begun.wait(10)
    timer.wake("a", datetime.now(UTC), lambda: heard.append("again"))
    # Not a pause for something to happen, but the time in which it must not: being looked at and dropped.
    finish.wait(0.3)
    finish.set()
    wait_until(lambda: heard == ["again"], "the alarm has rung again")
    timer.stop()


def test_a_callback_that_fails_harms_no_other(heard: list[str]) -> None:
    """Of the real one only: a fake lets a test see what went wrong."""

    def _fail() -> None:
        raise RuntimeError("on purpose")

    timer = ApschedulerTimer()
    timer.wake("a", datetime.now(UTC), _fail)
    timer.wake("b", datetime.now(UTC) + SOON, lambda: heard.append("b"))
    wait_until(lambda: heard == ["b"], "the other alarm has rung")
    timer.stop()


def test_other_zones_mean_the_same_moment(world: World, heard: list[str]) -> None:
    at = (world.clock.now() + SOON).astimezone(ZoneInfo("Asia/Tokyo"))
    world.timer.wake("a", at, lambda: heard.append("a"))
    world.until(lambda: heard == ["a"], "the alarm has rung")


def test_after_stop_nothing_rings_and_stop_is_idempotent(world: World, heard: list[str]) -> None:
    world.timer.wake("a", world.clock.now() + SOON, lambda: heard.append("a"))
    world.timer.stop()
    world.timer.wake("b", world.clock.now(), lambda: heard.append("b"))
    world.timer.stop()
    world.timer.cancel("a")
    assert heard == []


def test_stop_ends_every_thread() -> None:
    before = set(threading.enumerate())
    timer = ApschedulerTimer(nudge=timedelta(milliseconds=1))
    rung = threading.Event()
    timer.wake("a", datetime.now(UTC) + SOON, rung.set)
    assert rung.wait(10)
    timer.stop()
    # Threads of other tests come and go; the timer's would stay.
    wait_until(lambda: set(threading.enumerate()) <= before, "its threads have ended")
