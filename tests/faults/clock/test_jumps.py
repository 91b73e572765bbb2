"""The clock is set while something is waited for: nothing is repeated, and nothing is stuck.

On fakes, and in every state that goes by time. `rig.clock.set` is what an administrator or NTP does: no time
passes. `rig.advance` is time that passes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.health import HEALTHY, SICK
from tests.fakes.reboot_lock import FakeRebootLock, FakeSlots
from tests.support.rig import START, Rig
from tests.support.updates import NEW, OLD
from tidegate_agent.engine import LOOK_AGAIN
from tidegate_agent.errors import EngineError
from tidegate_agent.machine.rules import Rules
from tidegate_agent.manners import Manners
from tidegate_agent.requests import RequestPolicy
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, Urgency, Wave

RULES = Rules()
HOUR = timedelta(hours=1)
YEAR = timedelta(days=365)
MINUTE = timedelta(minutes=1)
FAR = [timedelta(hours=3), timedelta(days=80), -timedelta(hours=3), -5 * YEAR]
JUMPS = pytest.mark.parametrize("by", FAR, ids=["3 h on", "80 days on", "3 h back", "5 years back"])
LASTING = START + timedelta(days=90)
"""As long as a statement may be valid on this host."""

NIGHT = Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),))
"""It opens 14 hours after START."""


def jump(rig: Rig, by: timedelta) -> None:
    """The clock is set, by NTP: it is right afterwards."""
    rig.clock.set(rig.clock.now() + by)
    rig.settle()


def waits_for(rig: Rig) -> str | None:
    return rig.status().follows[0].waiting_for


def state(rig: Rig) -> str:
    return rig.status().follows[0].state


@JUMPS
def test_a_jump_neither_ends_the_proof_of_a_good_image_nor_makes_it_endless(by: timedelta) -> None:
    rig = Rig()
    rig.health.answers = [SICK, HEALTHY]
    rig.announce(NEW)
    assert state(rig) == "proving"
    jump(rig, by)
    assert (state(rig), rig.health.rounds) == ("proving", 1)
    rig.advance(RULES.health_interval)
    assert rig.steps()[-1] is Step.SUCCEEDED
    assert rig.image.status().current == NEW


@JUMPS
def test_a_bad_image_has_its_rounds_and_no_more(by: timedelta) -> None:
    rig = Rig()
    rig.health.answers = [SICK]
    rig.announce(NEW)
    for _ in range(RULES.health_rounds - 1):
        jump(rig, by)
        rig.advance(RULES.health_interval)
    assert rig.steps()[-1] is Step.ROLLED_BACK
    assert rig.events()[-1].data.code is Code.HEALTH_FAILED
    assert rig.image.status().current == OLD


@JUMPS
def test_a_pause_before_the_next_try_is_as_long_as_it_is(by: timedelta) -> None:
    rig = Rig()
    rig.image.fail("stage", EngineError(Code.IMAGE_UNREACHABLE, "no route"))
    rig.announce(NEW, expires=LASTING)
    assert waits_for(rig) == "retry"
    jump(rig, by)
    rig.advance(RULES.retry_after - timedelta(seconds=1))
    assert waits_for(rig) == "retry"
    rig.advance(timedelta(seconds=1))
    assert rig.image.status().current == NEW


@JUMPS
def test_a_reboot_that_did_not_come_is_asked_for_again_in_time(by: timedelta) -> None:
    rig = Rig(reboots=True)
    rig.announce(NEW)
    assert len(rig.host.reboots) == 1
    jump(rig, by)
    assert len(rig.host.reboots) == 1
    rig.advance(RULES.ask_again)
    assert len(rig.host.reboots) == 2


def test_a_clock_set_forward_into_a_window_opens_it_once() -> None:
    rig = Rig(manners=Manners(NIGHT))
    rig.announce(NEW)
    assert waits_for(rig) == "window"
    jump(rig, timedelta(hours=14, minutes=30))
    assert rig.image.status().current == NEW
    jump(rig, -timedelta(days=1))
    jump(rig, timedelta(days=1))
    assert rig.image.calls.count(f"activate {NEW}") == 1


def test_a_clock_set_back_by_years_waits_for_the_next_window_and_not_for_that_year() -> None:
    rig = Rig(manners=Manners(NIGHT))
    rig.announce(NEW)
    jump(rig, -5 * YEAR)
    until = rig.status().follows[0].until
    assert until is not None
    assert until - rig.clock.now() < timedelta(days=1)
    rig.advance(until - rig.clock.now())
    assert rig.image.status().current == NEW


def test_past_the_end_of_its_statement_and_back_it_goes_on() -> None:
    rig = Rig(manners=Manners(NIGHT))
    rig.announce(NEW)
    jump(rig, YEAR)
    assert waits_for(rig) == "statement"
    assert Step.STALE in rig.steps()
    jump(rig, -YEAR)
    assert waits_for(rig) == "window"
    rig.advance(timedelta(hours=14))
    assert rig.image.status().current == NEW


def test_what_expired_while_it_was_staged_is_never_activated_and_goes_on_with_a_heartbeat() -> None:
    rig = Rig(manners=Manners(Schedule((Window("0 2 1 * *", timedelta(hours=2), ZoneInfo("UTC")),))))
    rig.announce(NEW, expires=START + timedelta(days=7))
    rig.advance(timedelta(days=8))
    rig.clock.set(datetime(2026, 4, 1, 3, tzinfo=UTC))
    rig.settle()
    rig.restart()
    assert (waits_for(rig), rig.image.status().current) == ("statement", OLD)
    assert rig.image.status().staged == NEW
    rig.announce(NEW, sequence=2, expires=rig.clock.now() + timedelta(days=60))
    assert rig.image.status().current == NEW
    assert rig.image.calls.count(f"stage {NEW}") == 1


def test_a_wave_is_waited_for_by_the_clock_as_it_is_set() -> None:
    opens = START + 6 * HOUR
    rig = Rig()
    rig.announce(NEW, rollout=Rollout(seed="s", waves=(Wave(name="all", percent=100, opens_at=opens),)))
    assert waits_for(rig) == "wave"
    jump(rig, -YEAR)
    assert waits_for(rig) == "wave"
    jump(rig, YEAR + 6 * HOUR)
    assert rig.image.status().current == NEW


@pytest.mark.parametrize("back", [3 * HOUR, 5 * YEAR], ids=str)
def test_what_was_put_off_by_a_clock_that_ran_ahead_is_put_off_for_its_length(back: timedelta) -> None:
    rig = Rig(manners=Manners(NIGHT))
    rig.announce(NEW)
    rig.ask("snooze", seconds=3600)
    assert waits_for(rig) == "snooze"
    jump(rig, -back)
    left = rig.status().follows[0].until
    assert left == rig.clock.now() + HOUR
    rig.advance(HOUR)
    assert waits_for(rig) == "window"


def test_it_is_so_too_where_the_agent_was_off_when_the_clock_was_set_back() -> None:
    rig = Rig(manners=Manners(NIGHT))
    rig.announce(NEW)
    rig.ask("snooze", seconds=3600)
    rig.clock.in_step = False
    rig.clock.set(START - YEAR)
    rig.restart(boot=True)
    assert waits_for(rig) == "snooze"
    rig.clock.in_step = True
    rig.advance(LOOK_AGAIN)
    rig.advance(HOUR)
    assert waits_for(rig) == "window"


@JUMPS
def test_those_who_are_logged_in_have_their_grace_and_are_told_the_new_hour(by: timedelta) -> None:
    grace = timedelta(minutes=10)
    rig = Rig(reboots=True, manners=Manners(Schedule(), session_grace=grace))
    rig.host.users = ("alice on pts/1",)
    rig.announce(NEW, expires=LASTING)
    rig.advance(4 * MINUTE)
    jump(rig, by)
    assert waits_for(rig) == "sessions"
    assert rig.status().follows[0].until == rig.clock.now() + 6 * MINUTE
    assert len(rig.host.told) == 2
    rig.advance(5 * MINUTE)
    assert (waits_for(rig), rig.host.reboots) == ("sessions", [])
    rig.advance(MINUTE)
    assert len(rig.host.reboots) == 1
    assert len(rig.host.told) == 2


def test_a_grace_that_the_journal_kept_is_no_longer_than_it_may_be() -> None:
    grace = timedelta(minutes=10)
    rig = Rig(reboots=True, manners=Manners(Schedule(), session_grace=grace))
    rig.host.users = ("alice on pts/1",)
    rig.announce(NEW)
    rig.clock.set(START - YEAR)
    rig.restart()
    rig.advance(MINUTE)
    rig.advance(grace)
    assert len(rig.host.reboots) == 1


@JUMPS
def test_the_fleets_lock_is_asked_again_in_a_minute_and_given_back(by: timedelta) -> None:
    slots = FakeSlots(1)
    slots.holders.add("another host")
    rig = Rig(reboots=True, lock=FakeRebootLock(slots, "edge-1"))
    rig.announce(NEW, expires=LASTING)
    assert waits_for(rig) == "lock"
    jump(rig, by)
    slots.holders.clear()
    rig.advance(MINUTE)
    assert len(rig.host.reboots) == 1
    rig.restart(boot=True)
    assert slots.holders == set()


def test_a_statement_refused_by_a_wrong_clock_is_heard_as_soon_as_it_is_set_right() -> None:
    rig = Rig()
    rig.clock.set(datetime(2100, 1, 1, tzinfo=UTC))
    rig.announce(NEW, issued_at=START)
    assert rig.events()[-1].data.code is Code.STATEMENT_EXPIRED
    jump(rig, START - rig.clock.now())
    assert rig.image.status().current == NEW


def test_a_persons_word_lets_requests_count_again_that_a_clock_ran_ahead_of() -> None:
    rig = Rig(requests=RequestPolicy())
    rig.clock.set(START + YEAR)
    rig.ask("hold", reason="stocktaking")
    jump(rig, -YEAR)
    rig.request("resume")
    assert rig.status().follows[0].hold is not None
    rig.ask("resume")
    rig.advance(MINUTE)
    rig.request("hold")
    assert rig.status().follows[0].hold is not None


def test_a_clock_that_ran_ahead_spoils_no_later_request() -> None:
    rig = Rig(requests=RequestPolicy())
    rig.clock.set(START + YEAR)
    rig.request("hold", issued_at=START)
    assert rig.answers()[-1].data.code is Code.REQUEST_EXPIRED
    jump(rig, -YEAR)
    rig.request("hold")
    assert rig.status().follows[0].hold is not None


def test_after_a_sleep_what_was_due_is_done_once() -> None:
    """A suspended host: both clocks have gone on, and the alarms with them."""
    rig = Rig(manners=Manners(NIGHT))
    rig.announce(NEW)
    rig.advance(timedelta(hours=14, minutes=5))
    assert rig.image.calls.count(f"activate {NEW}") == 1


def test_a_window_that_was_slept_through_is_over_and_the_next_one_counts() -> None:
    rig = Rig(manners=Manners(NIGHT))
    rig.announce(NEW)
    rig.advance(timedelta(hours=18))
    assert (waits_for(rig), rig.image.status().current) == ("window", OLD)
    assert rig.status().follows[0].until == START + timedelta(hours=38)
    rig.advance(timedelta(hours=20))
    assert rig.image.status().current == NEW


@pytest.mark.parametrize(("deadline", "current"), [(None, OLD), (START + timedelta(hours=15), NEW)])
def test_a_window_missed_while_the_host_was_off_is_missed_but_for_a_deadline(
    deadline: datetime | None, current: str
) -> None:
    rig = Rig(manners=Manners(NIGHT, window_override=frozenset({Urgency.URGENT})))
    rig.announce(NEW, deadline=deadline)
    assert waits_for(rig) == "window"
    rig.clock.set(START + timedelta(hours=18))
    rig.restart(boot=True)
    assert rig.image.status().current == current
