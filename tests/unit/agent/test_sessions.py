"""Those who are logged in: what they are told, how long a reboot waits for them, and that it comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.reboot_lock import FakeRebootLock, FakeSlots
from tests.support.rig import START, Rig
from tests.support.statements import NOON
from tests.support.updates import NEW, NEWER, OLD, a_target
from tidegate_agent.admission import HostFacts
from tidegate_agent.manners import MARGIN, Manners, Situation, assess
from tidegate_agent.update.states import WaitFor
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.rollout import Urgency

GRACE = timedelta(minutes=10)
POLITE = Manners(Schedule(), session_grace=GRACE)
MINUTE = timedelta(minutes=1)


def polite(manners: Manners = POLITE, *, reboots: bool = True) -> Rig:
    rig = Rig(reboots=reboots, manners=manners)
    rig.host.users = ("alice on pts/1", "bob on seat0")
    return rig


def waits_for(rig: Rig) -> str | None:
    return rig.status().follows[0].waiting_for


def test_a_reboot_waits_for_them_until_the_grace_is_over() -> None:
    rig = polite()
    rig.announce(NEW)
    follow = rig.status().follows[0]
    assert (follow.waiting_for, follow.until) == ("sessions", START + GRACE)
    assert follow.reason == "logged in: alice on pts/1, bob on seat0"
    rig.advance(GRACE - timedelta(seconds=1))
    assert waits_for(rig) == "sessions"
    rig.advance(timedelta(seconds=1))
    assert rig.status().follows[0].state == "rebooting"


def test_they_are_told_once_when_and_what_they_can_do() -> None:
    rig = polite(Manners(Schedule(), session_grace=GRACE, zone=ZoneInfo("Europe/Berlin")))
    rig.announce(NEW)
    for _ in range(5):
        rig.advance(MINUTE)
    [told] = rig.host.told
    assert "restarts at 13:10 CET" in told
    assert "tidegate-agent snooze" in told
    rig.restart()
    rig.advance(MINUTE)
    assert rig.host.told == [told]


def test_a_restart_of_the_agent_gives_no_further_grace() -> None:
    rig = polite()
    rig.announce(NEW)
    for _ in range(3):
        rig.advance(timedelta(minutes=3))
        rig.restart()
    assert rig.status().follows[0].until == START + GRACE
    rig.advance(MINUTE)
    assert rig.status().follows[0].state == "rebooting"


def test_it_goes_on_as_soon_as_they_have_left() -> None:
    rig = polite()
    rig.announce(NEW)
    rig.host.users = ()
    rig.advance(MINUTE)
    assert rig.status().follows[0].state == "rebooting"


@pytest.mark.parametrize("why", ["nothing reboots", "nobody cares"])
def test_it_does_not_wait_for_them(why: str) -> None:
    rig = polite(reboots=False) if why == "nothing reboots" else polite(Manners(Schedule()))
    rig.announce(NEW)
    assert waits_for(rig) is None
    assert rig.host.told == []


def test_they_come_after_running_work_and_get_a_new_grace_then() -> None:
    rig = polite()
    rig.host.holds = ("a backup runs",)
    rig.announce(NEW)
    assert (waits_for(rig), rig.host.told) == ("inhibitor", [])
    rig.host.holds = ()
    rig.advance(timedelta(minutes=5))
    assert rig.status().follows[0].until == START + timedelta(minutes=5) + GRACE


def test_another_update_gets_a_grace_of_its_own() -> None:
    rig = polite()
    rig.announce(NEW)
    rig.advance(timedelta(minutes=5))
    rig.announce(NEWER, sequence=2)
    assert rig.status().follows[0].until == START + timedelta(minutes=5) + GRACE
    assert len(rig.host.told) == 2


def test_while_the_fleet_s_lock_is_awaited_they_get_no_second_grace() -> None:
    slots = FakeSlots(holders={"another host"})
    rig = Rig(reboots=True, manners=POLITE, lock=FakeRebootLock(slots))
    rig.host.users = ("alice",)
    rig.announce(NEW)
    rig.advance(GRACE)
    assert waits_for(rig) == "lock"
    rig.advance(timedelta(minutes=30))
    assert (waits_for(rig), len(rig.host.told)) == ("lock", 1)
    slots.holders.clear()
    rig.advance(MINUTE)
    assert rig.status().follows[0].state == "rebooting"


def test_a_window_shorter_than_the_grace_is_used_all_the_same() -> None:
    short = Window("0 12 * * *", timedelta(minutes=9), ZoneInfo("UTC"))
    rig = polite(Manners(Schedule((short,)), expected_duration=timedelta(minutes=5), session_grace=GRACE))
    # Nor is it missed because fleets do not act as one: whoever is logged in was told a time.
    rig.splay = timedelta(minutes=2)
    rig.announce(NEW)
    assert rig.status().follows[0].until == START + timedelta(minutes=3)
    rig.advance(timedelta(minutes=3))
    assert rig.status().follows[0].state == "rebooting"


def test_a_person_s_now_does_not_cut_the_grace_of_others() -> None:
    night = Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),))
    rig = polite(Manners(night, session_grace=GRACE))
    rig.announce(NEW)
    assert rig.ask("approve", now=True)["ok"]
    assert rig.status().follows[0].until == START + GRACE
    assert rig.image.status().current == OLD


minutes = st.integers(min_value=0, max_value=24 * 60 - 1)


@given(
    at=minutes,
    length=st.integers(min_value=7, max_value=600),
    expected=st.integers(min_value=1, max_value=5),
    grace=st.integers(min_value=1, max_value=120),
    look=st.integers(min_value=1, max_value=3),
    urgent=st.booleans(),
)
def test_whoever_stays_logged_in_delays_a_reboot_by_no_more_than_the_grace_and_by_no_window(
    *, at: int, length: int, expected: int, grace: int, look: int, urgent: bool
) -> None:
    """Looked at now and then, from any moment in an open window with room for the update."""
    opens = datetime(2026, 3, 3, tzinfo=UTC) + timedelta(minutes=at)
    window = Window(f"{opens.minute} {opens.hour} * * *", timedelta(minutes=length), ZoneInfo("UTC"))
    manners = Manners(
        Schedule((window,)),
        expected_duration=timedelta(minutes=expected),
        session_grace=timedelta(minutes=grace),
    )
    urgency = Urgency.EMERGENCY if urgent else Urgency.ROUTINE
    target = a_target(issued_at=opens, urgency=urgency)
    now, ends = opens, None
    for _ in range(200):
        situation = Situation(now, sessions=("alice",), grace_ends=ends)
        wait = assess(target, HostFacts("edge-1", "amd64", {}), manners, situation, to_activate=True)
        if wait is None:
            break
        assert wait.reason is WaitFor.SESSIONS
        assert wait.until is not None
        assert ends in (None, wait.until)
        ends = wait.until
        now = min(ends, now + timedelta(minutes=look))
    else:
        pytest.fail("it waits for ever")
    assert now - opens <= timedelta(minutes=grace)
    if not urgent:
        assert now + manners.expected_duration <= opens + timedelta(minutes=length)
        assert now - opens == min(
            timedelta(minutes=grace), timedelta(minutes=length) - manners.expected_duration - MARGIN
        )


def test_nobody_logged_in_is_no_reason_to_wait() -> None:
    facts = HostFacts("edge-1", "amd64", {})
    assert assess(a_target(), facts, POLITE, Situation(NOON), to_activate=True) is None
