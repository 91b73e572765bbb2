"""A host that does not know the hour: it starts in 1970, or hours off, until NTP comes.

What is decided before that: everything but whether a maintenance window is open.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.clock import FakeClock
from tests.support.rig import START, Rig
from tests.support.statements import a_statement
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.manners import Manners
from tidegate_agent.time_of_day import TimeOfDay
from tidegate_agent.windows import Blackout, Schedule, Window
from tidegate_schemas.rollout import Rollout, Urgency, Wave

WAIT = timedelta(minutes=30)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
AROUND_START = Schedule((Window("0 11 * * *", timedelta(hours=3), ZoneInfo("UTC")),))
"""It is open at START, which is noon; by a clock that shows midnight it opens in eleven hours."""

BATTERY_EMPTY = datetime(1970, 1, 1, tzinfo=UTC)
LONG_AFTER = START + timedelta(days=80)


def unsure(schedule: Schedule = AROUND_START, *, at: datetime = START) -> Rig:
    """A host that has just booted, and nothing keeps its clock right."""
    rig = Rig(manners=Manners(schedule, clock_wait=WAIT))
    rig.clock.in_step = False
    rig.clock.set(at)
    rig.restart(boot=True)
    return rig


def announce(rig: Rig, digest: str = NEW, sequence: int = 1, **changes: object) -> None:
    """What a publisher says at START, whatever this host's clock shows; its certificate is as old."""
    statement = a_statement(
        digest, product="os", channel="stable", sequence=sequence, issued_at=START, **changes
    )
    rig.say(rig.verifier.sign(statement.to_json(), signed_at_least=START))


def waits_for(rig: Rig) -> str | None:
    return rig.status().follows[0].waiting_for


def synchronise(rig: Rig, to: datetime) -> None:
    rig.clock.in_step = True
    rig.clock.set(to)
    rig.settle()


def test_a_clock_that_nothing_keeps_right_opens_no_window_yet_and_says_so() -> None:
    rig = unsure()
    announce(rig)
    follow = rig.status().follows[0]
    assert (follow.waiting_for, follow.until, follow.staged) == ("clock", START + WAIT, NEW)
    assert follow.reason is not None
    assert "not synchronised" in follow.reason
    rig.advance(WAIT - MINUTE)
    assert waits_for(rig) == "clock"


def test_it_is_believed_within_a_minute_of_being_kept_right() -> None:
    rig = unsure()
    announce(rig)
    rig.clock.in_step = True
    rig.advance(MINUTE)
    assert rig.image.status().current == NEW


def test_a_host_where_nothing_ever_does_is_not_stuck() -> None:
    rig = unsure()
    announce(rig)
    rig.advance(WAIT)
    assert rig.image.status().current == NEW


def test_it_has_not_to_wait_again_for_the_next_update() -> None:
    rig = unsure()
    announce(rig)
    rig.advance(WAIT)
    announce(rig, NEWER, 2)
    assert rig.image.status().current == NEWER


@pytest.mark.parametrize("right", [START, START + timedelta(hours=6)], ids=["in the window", "outside"])
def test_a_host_that_starts_in_1970_waits_for_ntp_and_then_goes_by_it(right: datetime) -> None:
    rig = unsure(at=BATTERY_EMPTY)
    announce(rig)
    assert rig.journal.clock_floor() == START
    assert (waits_for(rig), rig.image.status().staged) == ("clock", NEW)
    rig.advance(MINUTE)
    synchronise(rig, right)
    assert rig.image.status().current == (NEW if right == START else OLD)
    assert waits_for(rig) == (None if right == START else "window")


def test_a_floor_within_a_window_opens_none_whatever_time_passes() -> None:
    """The floor says that it is noon or later. How much later, nobody knows."""
    rig = unsure(at=BATTERY_EMPTY)
    announce(rig)
    rig.advance(WAIT)
    # By the only clock there is it is half past midnight.
    assert waits_for(rig) == "window"
    assert rig.status().follows[0].until == BATTERY_EMPTY + 11 * HOUR
    rig.advance(10 * HOUR)
    assert rig.image.status().current == OLD
    rig.advance(HOUR)
    assert rig.image.status().current == NEW


def test_a_clock_said_to_be_right_is_not_believed_behind_what_was_proven() -> None:
    rig = unsure(at=START - timedelta(days=3))
    rig.clock.in_step = True
    announce(rig)
    follow = rig.status().follows[0]
    assert (follow.waiting_for, rig.image.status().current) == ("clock", OLD)
    assert "2026-03-02T12:00:00Z or later" in (follow.reason or "")


def test_a_blackout_is_judged_by_the_same_clock() -> None:
    rig = unsure(Schedule((), (Blackout(START - HOUR, START + HOUR),)), at=BATTERY_EMPTY)
    announce(rig)
    assert waits_for(rig) == "clock"
    synchronise(rig, START)
    assert waits_for(rig) == "window"


def test_without_windows_nobody_waits_for_the_hour() -> None:
    rig = unsure(Schedule(), at=BATTERY_EMPTY)
    announce(rig)
    assert rig.image.status().current == NEW


def test_who_need_not_wait_for_a_window_need_not_wait_for_the_clock() -> None:
    emergency = unsure()
    announce(emergency, urgency=Urgency.EMERGENCY)
    assert emergency.image.status().current == NEW
    approved = unsure()
    announce(approved)
    approved.ask("approve", now=True)
    assert approved.image.status().current == NEW


def test_a_wave_whose_hour_the_floor_has_passed_is_open_in_1970() -> None:
    rig = unsure(Schedule(), at=BATTERY_EMPTY)
    opened = Wave(name="all", percent=100, opens_at=START - HOUR)
    announce(rig, rollout=Rollout(seed="s", waves=(opened,)))
    assert rig.image.status().current == NEW


def test_time_goes_on_from_the_floor_so_that_in_1970_an_hour_is_an_hour() -> None:
    rig = unsure(at=BATTERY_EMPTY)
    announce(rig)
    rig.ask("snooze", seconds=3600)
    assert waits_for(rig) == "snooze"
    for _ in range(4):
        rig.advance(15 * MINUTE)
    assert waits_for(rig) == "window"


def test_a_statement_that_expires_in_1970_does_expire() -> None:
    rig = unsure(at=BATTERY_EMPTY)
    announce(rig, expires=START + HOUR)
    rig.advance(HOUR)
    assert (waits_for(rig), rig.image.status().current) == ("statement", OLD)


def test_a_clock_that_was_right_stays_so_without_ntp_until_it_is_set() -> None:
    clock = FakeClock(START)
    time = TimeOfDay(clock, lambda: (None,), WAIT)
    assert time.doubt() is None
    clock.in_step = False
    clock.advance(timedelta(days=30))
    assert time.doubt() is None
    clock.set(clock.now() + timedelta(seconds=2))
    assert time.doubt() is None, "a leap second is no reason to doubt"
    clock.set(clock.now() + HOUR)
    doubt = time.doubt()
    assert doubt is not None
    assert doubt.left == WAIT
    clock.advance(WAIT)
    assert time.doubt() is None


def test_a_floor_that_rises_makes_what_is_known_later_and_never_earlier() -> None:
    clock, floors = FakeClock(BATTERY_EMPTY), list[datetime | None]([None])
    time = TimeOfDay(clock, lambda: floors, WAIT)
    assert time.latest_known() == BATTERY_EMPTY
    floors.append(START)
    assert time.latest_known() == START
    clock.advance(HOUR)
    assert time.latest_known() == START + HOUR
    floors.append(START + MINUTE)
    assert time.latest_known() == START + HOUR
    floors.append(LONG_AFTER)
    clock.set(START)
    assert time.latest_known() == LONG_AFTER
    clock.set(LONG_AFTER + HOUR)
    assert time.latest_known() == LONG_AFTER + HOUR
