"""Approvals that lapse, and updates that people put off, but not for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rig import START, Rig
from tests.support.statements import NOON
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.errors import RefusedError
from tidegate_agent.manners import Manners
from tidegate_agent.records import Snooze
from tidegate_agent.snoozing import snoozed
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Urgency

NIGHT = Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),))
ASKING = Manners(NIGHT, approval_required=True)
HOUR = timedelta(hours=1)
UNTIL_TWO = timedelta(hours=14)


def waits_for(rig: Rig) -> str | None:
    return rig.status().follows[0].waiting_for


# Approvals


def test_an_approval_lapses_and_has_to_be_given_again() -> None:
    rig = Rig(manners=ASKING)
    rig.announce(NEW)
    assert rig.ask("approve", seconds=3600)["ok"]
    assert waits_for(rig) == "window"
    rig.advance(UNTIL_TWO)
    follow = rig.status().follows[0]
    assert follow.waiting_for == "approval"
    assert follow.reason == (
        f"a person has to approve it again: the last approval lapsed at {rfc3339(START + HOUR)}: "
        "tidegate-agent approve"
    )
    assert rig.ask("approve")["ok"]
    assert rig.image.status().current == NEW


def test_nobody_who_said_now_means_next_week() -> None:
    """The window is waived as long as the approval counts, and no longer."""
    rig = Rig(manners=Manners(NIGHT, approval_expires=HOUR))
    rig.host.holds = ("a backup runs",)
    rig.announce(NEW)
    assert rig.ask("approve", now=True)["ok"]
    assert waits_for(rig) == "inhibitor"
    rig.advance(HOUR)
    assert waits_for(rig) == "window"


def test_by_default_it_counts_for_as_long_as_is_configured() -> None:
    rig = Rig(manners=Manners(NIGHT, approval_required=True, approval_expires=timedelta(hours=15)))
    rig.announce(NEW)
    assert rig.ask("approve")["ok"]
    rig.advance(UNTIL_TWO)
    assert rig.image.status().current == NEW


@pytest.mark.parametrize("seconds", [0, -1, True, 1.5, "60", 366 * 86400 + 1])
@pytest.mark.parametrize("command", ["approve", "snooze"])
def test_a_stretch_of_time_has_to_be_one(command: str, seconds: object) -> None:
    rig = Rig(manners=ASKING)
    rig.announce(NEW)
    answer = rig.ask(command, seconds=seconds)
    assert (answer["ok"], answer["code"]) == (False, Code.REQUEST_INVALID)
    assert waits_for(rig) == "approval"


# Snoozes


def test_an_update_that_was_put_off_waits_for_its_hour_and_goes_on_by_itself() -> None:
    rig = Rig()
    rig.host.holds = ("a backup runs",)
    rig.announce(NEW)
    answer = rig.ask("snooze", seconds=7200)
    until = rfc3339(START + 2 * HOUR)
    assert answer == {"ok": True, "follow": "os/stable", "digest": NEW, "until": until}
    follow = rig.status().follows[0]
    assert (follow.waiting_for, follow.until) == ("snooze", START + 2 * HOUR)
    rig.host.holds = ()
    rig.restart()
    rig.advance(2 * HOUR - timedelta(seconds=1))
    assert waits_for(rig) == "snooze"
    rig.advance(timedelta(seconds=1))
    assert rig.image.status().current == NEW


def held_back(**changes: Any) -> Rig:
    """A host with an update that an inhibitor holds back for now."""
    rig = Rig()
    rig.host.holds = ("a backup runs",)
    rig.announce(NEW, **changes)
    return rig


def test_an_hour_is_meant_when_nobody_says_how_long() -> None:
    rig = held_back()
    assert rig.ask("snooze")["until"] == rfc3339(START + HOUR)


def test_all_snoozes_of_an_update_together_have_an_end() -> None:
    rig = held_back()
    rig.host.holds = ()
    rig.ask("snooze", seconds=12 * 3600)
    rig.advance(timedelta(hours=11))
    assert rig.ask("snooze", seconds=86400)["until"] == rfc3339(START + timedelta(days=1))
    rig.advance(timedelta(hours=13))
    assert rig.image.status().current == NEW
    rig.restart()
    answer = rig.ask("snooze")
    assert (answer["ok"], answer["code"]) == (False, Code.REQUEST_POINTLESS)


def test_a_person_who_approves_ends_the_snooze_and_not_its_limit() -> None:
    rig = held_back()
    rig.ask("snooze", seconds=3600)
    rig.advance(timedelta(minutes=10))
    assert rig.ask("approve")["waits"] is None
    assert waits_for(rig) == "inhibitor"
    answer = rig.ask("snooze", seconds=10 * 86400)
    assert answer["until"] == rfc3339(START + timedelta(days=1))
    assert waits_for(rig) == "snooze"


def test_a_newer_update_may_be_put_off_anew() -> None:
    rig = held_back()
    rig.ask("snooze", seconds=86400)
    rig.advance(HOUR)
    rig.announce(NEWER, sequence=2)
    assert waits_for(rig) == "inhibitor"
    assert rig.ask("snooze", seconds=86400)["until"] == rfc3339(START + HOUR + timedelta(days=1))


@pytest.mark.parametrize("pressing", [{"urgency": Urgency.EMERGENCY}, {"deadline": START}])
def test_what_presses_is_not_put_off(pressing: dict[str, Any]) -> None:
    rig = held_back(**pressing)
    assert rig.ask("snooze")["ok"]
    assert waits_for(rig) == "inhibitor"


def test_there_has_to_be_something_to_put_off() -> None:
    rig = Rig()
    for _ in range(2):
        answer = rig.ask("snooze")
        assert (answer["ok"], answer["code"]) == (False, Code.REQUEST_POINTLESS)
        assert "no update that could still be put off" in answer["reason"]
        rig.announce(NEW)


def test_staging_goes_on_while_an_update_is_put_off() -> None:
    rig = Rig(manners=Manners(NIGHT, stage_in_window=True))
    rig.announce(NEW)
    rig.ask("snooze", seconds=86400)
    rig.advance(UNTIL_TWO)
    assert rig.status().follows[0].staged == NEW
    assert rig.image.status().current == OLD


seconds = st.integers(min_value=1, max_value=10**6).map(lambda each: timedelta(seconds=each))


@given(st.lists(st.tuples(seconds, seconds), max_size=20), seconds)
def test_however_often_it_is_put_off_the_limit_holds(
    tries: list[tuple[timedelta, timedelta]], limit: timedelta
) -> None:
    now, snooze = NOON, None
    for pause, length in tries:
        if now >= NOON + limit:
            with pytest.raises(RefusedError, match="snooze_limit has passed"):
                snoozed(snooze, NEW, now, length, limit)
            return
        snooze = snoozed(snooze, NEW, now, length, limit)
        assert now < snooze.until <= NOON + limit
        now += pause


def test_a_clock_that_is_set_back_makes_no_room_for_more() -> None:
    before = Snooze(NEW, NOON, NOON + HOUR)
    again = snoozed(before, NEW, NOON - 24 * HOUR, 48 * HOUR, HOUR)
    assert again.until == NOON - 23 * HOUR


# Windows and staging


def test_a_window_that_ends_during_staging_does_not_end_the_staging() -> None:
    """What was begun in the window is staged; its activation waits for one that it fits into."""
    noon = Schedule((Window("0 12 * * *", timedelta(minutes=30), ZoneInfo("UTC")),))
    rig = Rig(manners=Manners(noon, stage_in_window=True, expected_duration=timedelta(minutes=10)))
    rig.image.halfway = lambda: rig.clock.advance(timedelta(minutes=20))
    rig.announce(NEW)
    follow = rig.status().follows[0]
    assert (follow.state, follow.staged, follow.waiting_for) == ("staged", NEW, "window")
    assert follow.until == START + timedelta(days=1)
    assert rig.image.calls == [f"stage {NEW}"]
    rig.advance(timedelta(hours=23, minutes=20))
    assert rig.image.status().current == NEW


def test_an_activation_begins_only_if_it_still_fits_into_the_window() -> None:
    noon = Schedule((Window("0 12 * * *", timedelta(minutes=30), ZoneInfo("UTC")),))
    for took, current in ((10, NEW), (11, OLD)):
        rig = Rig(manners=Manners(noon, expected_duration=timedelta(minutes=10)))
        step = timedelta(minutes=took)
        rig.image.halfway = lambda rig=rig, step=step: rig.clock.advance(step)  # type: ignore[misc]
        rig.announce(NEW)
        assert rig.image.status().current == current
