"""What stands in the way of an update, and in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.statements import NOON
from tests.support.updates import a_target
from tidegate_agent.admission import HostFacts
from tidegate_agent.manners import Manners, Situation, assess
from tidegate_agent.update.states import Wait, WaitFor
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.rollout import Rollout, RolloutState, Urgency, Wave, cohort

MICRO = timedelta(microseconds=1)
FACTS = HostFacts("edge-1", "amd64", {"site": "lab"})
ALWAYS = Manners(Schedule())
NIGHT = Manners(Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),)))
TWO = datetime(2026, 3, 3, 2, tzinfo=UTC)


def look(
    manners: Manners = ALWAYS, *, to_activate: bool = True, situation: Situation | None = None, **target: Any
) -> Wait | None:
    return assess(a_target(**target), FACTS, manners, situation or Situation(NOON), to_activate=to_activate)


def reason(wait: Wait | None) -> WaitFor | None:
    return None if wait is None else wait.reason


def test_who_decides_comes_in_order() -> None:
    """Everything stands in the way; whatever is first is taken away."""
    manners = replace(NIGHT, approval_required=True)
    situation = Situation(NOON, others_busy=True, inhibitors=("a backup runs",))
    fields: dict[str, Any] = {
        "issued_at": NOON - timedelta(days=15),
        "rollout": Rollout(seed="s", state=RolloutState.HELD, waves=(Wave(name="w"),)),
    }
    found = [reason(look(manners, situation=situation, **fields))]
    del fields["issued_at"]
    found.append(reason(look(manners, situation=situation, **fields)))
    fields["rollout"] = Rollout(seed="s", waves=(Wave(name="w"),))
    found.append(reason(look(manners, situation=situation, **fields)))
    del fields["rollout"]
    for change in ({"others_busy": False}, {"approved": True}, {"now": TWO}, {"inhibitors": ()}):
        found.append(reason(look(manners, situation=situation)))
        situation = replace(situation, **change)
    found.append(reason(look(manners, situation=situation)))
    assert found == [
        WaitFor.STATEMENT,
        WaitFor.HOLD,
        WaitFor.WAVE,
        WaitFor.TURN,
        WaitFor.APPROVAL,
        WaitFor.WINDOW,
        WaitFor.INHIBITOR,
        None,
    ]


def test_staging_asks_less_than_activating() -> None:
    manners = replace(NIGHT, approval_required=True)
    situation = Situation(NOON, inhibitors=("a backup runs",))
    assert look(manners, to_activate=False, situation=situation) is None
    manners = replace(manners, stage_in_window=True)
    assert reason(look(manners, to_activate=False, situation=situation)) is WaitFor.WINDOW


@pytest.mark.parametrize("to_activate", [False, True])
def test_nothing_begins_on_a_statement_that_has_expired(*, to_activate: bool) -> None:
    """A freeze: whoever withholds the hold must not get the release activated in the end."""
    expires = NOON + timedelta(days=14)
    assert look(to_activate=to_activate, situation=Situation(expires - MICRO)) is None
    situation = Situation(expires, approved=True, approved_now=True)
    wait = look(to_activate=to_activate, situation=situation, urgency=Urgency.EMERGENCY)
    assert reason(wait) is WaitFor.STATEMENT


@pytest.mark.parametrize(
    ("wave", "waits"),
    [
        (Wave(name="w", open=True), False),
        (Wave(name="w", opens_at=NOON), False),
        (Wave(name="w", opens_at=NOON + MICRO), True),
        (Wave(name="w"), True),
        (Wave(name="w", open=True, labels={"site": "lab"}), False),
        (Wave(name="w", open=True, labels={"site": "kiel"}), True),
        (Wave(name="w", open=True, fraction=cohort("s", "edge-1")), True),
    ],
)
def test_waves(wave: Wave, waits: bool) -> None:  # noqa: FBT001 - a column
    wait = look(rollout=Rollout(seed="s", waves=(wave,)))
    assert (reason(wait) is WaitFor.WAVE) is waits
    assert wait is None or wait.until == (wave.opens_at if wave.labels == {} else None)


def test_a_host_waits_for_its_own_wave_even_if_a_later_one_is_open() -> None:
    waves = (Wave(name="mine"), Wave(name="rest", open=True))
    wait = look(rollout=Rollout(seed="s", waves=waves))
    assert wait is not None
    assert "mine" in wait.text


def test_a_window_is_waited_for_until_it_opens() -> None:
    wait = look(NIGHT)
    assert wait is not None
    assert (wait.reason, wait.until) == (WaitFor.WINDOW, TWO)


@pytest.mark.parametrize(
    ("minutes", "opens"), [(0, None), (115, None), (116, TWO + timedelta(days=1)), (-1, TWO)]
)
def test_an_update_has_to_fit_into_the_rest_of_the_window(minutes: int, opens: datetime | None) -> None:
    wait = look(NIGHT, situation=Situation(TWO + timedelta(minutes=minutes)))
    assert (None if wait is None else wait.until) == opens


def test_windows_that_are_too_short_are_passed_over() -> None:
    short = Window("0 * * * *", timedelta(minutes=4), ZoneInfo("UTC"))
    long = Window("30 17 * * *", timedelta(minutes=5), ZoneInfo("UTC"))
    wait = look(Manners(Schedule((short, long))))
    assert wait is not None
    assert wait.until == NOON.replace(hour=17, minute=30)
    never = look(Manners(Schedule((short,))))
    assert never is not None
    assert never.until is None
    assert "0:05:00" in never.text


@pytest.mark.parametrize(
    ("urgency", "deadline", "override", "waits"),
    [
        (Urgency.ROUTINE, None, {Urgency.EMERGENCY}, True),
        (Urgency.URGENT, None, {Urgency.EMERGENCY}, True),
        (Urgency.EMERGENCY, None, {Urgency.EMERGENCY}, False),
        (Urgency.EMERGENCY, None, set(), True),
        (Urgency.URGENT, NOON, {Urgency.EMERGENCY}, False),
        (Urgency.URGENT, NOON + MICRO, {Urgency.EMERGENCY}, True),
        (Urgency.ROUTINE, NOON, {Urgency.EMERGENCY}, True),
        (Urgency.ROUTINE, NOON, {Urgency.URGENT}, False),
        (Urgency.EMERGENCY, NOON, {Urgency.EMERGENCY}, False),
    ],
)
def test_urgency_and_what_the_host_lets_it_override(
    urgency: Urgency,
    deadline: datetime | None,
    override: set[Urgency],
    waits: bool,  # noqa: FBT001 - a column
) -> None:
    manners = replace(NIGHT, window_override=frozenset(override))
    assert (look(manners, urgency=urgency, deadline=deadline) is not None) is waits


def test_urgency_overrides_neither_people_nor_running_work() -> None:
    manners = replace(NIGHT, approval_required=True)
    assert reason(look(manners, urgency=Urgency.EMERGENCY)) is WaitFor.APPROVAL
    busy = Situation(NOON, inhibitors=("a backup runs", "a call is on"))
    wait = look(NIGHT, urgency=Urgency.EMERGENCY, situation=busy)
    assert wait == Wait(WaitFor.INHIBITOR, "a backup runs; a call is on")


def test_a_persons_word_waives_the_window_for_now() -> None:
    approved = Situation(NOON, approved=True, approved_now=True)
    assert look(replace(NIGHT, approval_required=True), situation=approved) is None
