"""How the machine lets a download pause that has become too dear, and takes it up again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.samples import METERED, WINDOW
from tests.support.statements import NOON
from tests.support.updates import FAILURE, LATER_BOOT, NEW, NEWER, a_target, an_image, an_update
from tidegate_agent import machine
from tidegate_agent.machine.rules import Rules
from tidegate_agent.update.commands import (
    Assess,
    CancelStage,
    Discard,
    Report,
    Stage,
    Transition,
    WakeAfter,
    WakeAt,
)
from tidegate_agent.update.events import Assessed, Event, Progressed, Restarted, StageDone, StageFailed, Woken
from tidegate_agent.update.states import Settled, Staged, Staging, Wait, WaitFor, Waiting
from tidegate_schemas.events import Step

WATCHING = Rules(watch_downloads=True)
LOOK_AGAIN = WakeAfter(WATCHING.look_again)
LOOK = Assess(a_target(), to_activate=False)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
STAGING = Staging(an_update())


def step(state: Staging | Waiting, event: Event, rules: Rules = WATCHING) -> Transition:
    return machine.step(state, event, NOON, rules)


def test_a_download_that_costs_too_much_is_cancelled_and_told_once() -> None:
    found = step(STAGING, Assessed(METERED))
    assert found.state == Waiting(STAGING.update, METERED)
    assert found.commands == (
        CancelStage(),
        Report(Step.WAITING, STAGING.update, wait=METERED),
        LOOK_AGAIN,
    )
    assert isinstance(found.state, Waiting)
    again = step(found.state, Assessed(replace(METERED, text="still on the train")))
    assert again.commands == (LOOK_AGAIN,)


def test_a_budget_is_waited_for_until_the_next_one() -> None:
    spent = Wait(WaitFor.BUDGET, "used up", APRIL)
    assert step(STAGING, Assessed(spent)).commands[-1] == WakeAt(APRIL)


@pytest.mark.parametrize("wait", [None, WINDOW, Wait(WaitFor.HOLD, "held")])
def test_nothing_else_stops_a_download_that_is_under_way(wait: Wait | None) -> None:
    assert step(STAGING, Assessed(wait)) == Transition(STAGING)


def test_what_it_costs_is_looked_at_again_and_again_where_it_matters() -> None:
    assert step(STAGING, Woken()).commands == (LOOK, LOOK_AGAIN)
    assert step(STAGING, Woken(), Rules()).commands == ()
    begun = step(Waiting(STAGING.update, METERED), Assessed(None))
    assert begun.commands[-2:] == (Stage(a_target()), LOOK_AGAIN)
    resumed = step(STAGING, Restarted(an_image(), LATER_BOOT))
    assert resumed.commands[-3:] == (Stage(a_target()), LOOK, LOOK_AGAIN)


def test_the_last_words_of_a_paused_download_do_no_harm() -> None:
    paused = Waiting(STAGING.update, METERED)
    assert step(paused, Progressed(NEW, 50, 1000)) == Transition(paused)
    assert step(paused, StageFailed(NEW, FAILURE, retryable=False)) == Transition(paused)
    # It was through with it: what is here need not come again.
    assert isinstance(step(paused, StageDone(NEW, NEW, 1000)).state, Staged)
    wrong = step(paused, StageDone(NEW, NEWER, 1000))
    assert isinstance(wrong.state, Settled)
    assert Discard() in wrong.commands
    assert WATCHING.look_again == timedelta(minutes=1)
