"""The loop breaker: a step that costs one life of the agent after another comes to an end, and says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from tests.fakes.engine import FakeEngine
from tests.support.rig import FOLLOW, Rig
from tests.support.statements import NOON
from tests.support.updates import BOOT, FAILURE, LATER_BOOT, NEW, NEWER, OLD, an_image, an_update
from tidegate_agent import machine
from tidegate_agent.machine import Rules
from tidegate_agent.model import CheckResult, Health, ImageStatus
from tidegate_agent.update.commands import (
    Activate,
    Discard,
    Prove,
    Quarantine,
    Reboot,
    Rollback,
    Stage,
    Transition,
)
from tidegate_agent.update.events import Proved, Restarted, RollbackFailed, RolledBack
from tidegate_agent.update.states import (
    Activating,
    Outcome,
    Proving,
    Rebooting,
    RollingBack,
    Settled,
    Staging,
    State,
    Waiting,
)
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.model import Activation, ImageTarget, StageProgress, StageResult

LIVES: Final = Rules().lives
STEPS: Final = (
    # the step, what the engine says at each start, the command that is given again
    (Staging(an_update()), an_image(OLD), Stage),
    (Activating(an_update()), an_image(OLD, NEW), Activate),
    (Activating(an_update()), an_image(NEW, None, OLD), Activate),
    (Rebooting(an_update(reboots=1)), an_image(OLD, NEW), Reboot),
    (Proving(an_update()), an_image(NEW, None, OLD), Prove),
    (RollingBack(an_update(), OLD, FAILURE), an_image(NEW, None, OLD), Rollback),
)


def lived(state: State, image: ImageStatus, lives: int, *, crashed: bool = True) -> Transition:
    """What the machine says at the last of so many starts in a row."""
    transition = Transition(state)
    for _ in range(lives):
        event = Restarted(image, BOOT, crashed=crashed)
        transition = machine.step(transition.state, event, NOON, Rules())
    return transition


@pytest.mark.parametrize(("state", "image", "command"), STEPS)
def test_a_step_is_begun_again_a_few_times_and_then_no_more(
    state: State, image: ImageStatus, command: type
) -> None:
    again, worn_out = lived(state, image, LIVES - 1), lived(state, image, LIVES)
    assert again.state.kind == state.kind
    assert any(isinstance(each, command) for each in again.commands)
    assert worn_out.state.kind != state.kind
    assert not any(isinstance(each, command) for each in worn_out.commands)


@pytest.mark.parametrize(("state", "runs"), [(Staging(an_update()), OLD), (Proving(an_update()), NEW)])
def test_lives_that_ended_in_order_do_not_count_where_no_hook_runs(state: State, runs: str) -> None:
    assert lived(state, an_image(runs), 3 * LIVES, crashed=False).state.kind == state.kind


@pytest.mark.parametrize("checking", [True, False])
def test_lives_between_two_rounds_of_checks_do_not_count(*, checking: bool) -> None:
    state = Proving(an_update(), checking=checking)
    restarted = machine.step(state, Restarted(an_image(NEW), BOOT, crashed=True), NOON, Rules()).state
    assert isinstance(restarted, Proving)
    assert restarted.lives == int(checking)


def test_an_answer_sets_the_count_back() -> None:
    sick = Health((CheckResult("web", passed=False, required=True),))
    proving = machine.step(Proving(an_update(), lives=2), Proved(sick), NOON, Rules()).state
    failed = RollbackFailed(FAILURE, retryable=True)
    back = machine.step(RollingBack(an_update(), OLD, FAILURE, lives=2), failed, NOON, Rules()).state
    assert (isinstance(proving, Proving) and proving.lives) == 0
    assert (isinstance(back, RollingBack) and back.lives) == 0


def test_staging_is_tried_again_after_a_pause_and_only_so_often() -> None:
    first, last = Staging(an_update()), Staging(an_update(attempt=Rules().stage_attempts))
    waits = lived(first, an_image(OLD), LIVES).state
    assert isinstance(waits, Waiting)
    assert waits.update.attempt == 2
    ended = lived(last, an_image(OLD), LIVES)
    assert isinstance(ended.state, Settled)
    assert ended.state.failure is not None
    assert ended.state.failure.code is Code.AGENT_KILLED
    assert not any(isinstance(each, Quarantine) for each in ended.commands)


def test_an_image_whose_switch_kills_before_it_comes_is_dropped_and_quarantined() -> None:
    ended = lived(Activating(an_update()), an_image(OLD, NEW), LIVES)
    assert isinstance(ended.state, Settled)
    assert ended.state.outcome is Outcome.FAILED
    assert {type(each) for each in ended.commands} >= {Quarantine, Discard}


@pytest.mark.parametrize("state", [Activating(an_update()), Proving(an_update())], ids=lambda each: each.kind)
def test_an_image_that_kills_where_it_runs_is_left(state: Activating | Proving) -> None:
    left = lived(state, an_image(NEW, None, OLD), LIVES)
    assert isinstance(left.state, RollingBack)
    assert left.state.cause.code is Code.AGENT_KILLED
    alone = replace(state, update=an_update(previous=None))
    assert isinstance(lived(alone, an_image(NEW), LIVES).state, Settled)


def test_a_way_back_that_kills_ends_where_it_is() -> None:
    ended = lived(RollingBack(an_update(), OLD, FAILURE), an_image(NEW, None, OLD), LIVES).state
    assert isinstance(ended, Settled)
    assert ended.failure is not None
    assert ended.failure.code is Code.ROLLBACK_FAILED
    assert "3 times in a row" in ended.failure.reason


def test_a_way_back_that_kills_where_its_reboot_has_arrived_is_over() -> None:
    ended = lived(RollingBack(an_update(), OLD, FAILURE, reboots=1), an_image(OLD, None, NEW), LIVES).state
    assert isinstance(ended, Settled)
    assert ended.outcome is Outcome.ROLLED_BACK


def test_a_reboot_that_kills_whoever_asks_for_it_on_the_way_back_is_asked_for_no_more() -> None:
    state: State = RollingBack(an_update(), OLD, FAILURE)
    asked = 0
    while isinstance(state, RollingBack) and asked < 10:
        state = machine.step(state, RolledBack(reboot_required=True), NOON, Rules()).state
        asked += 1
        state = machine.step(state, Restarted(an_image(NEW), BOOT, crashed=True), NOON, Rules()).state
    assert isinstance(state, Settled)
    assert asked == LIVES


def test_a_reboot_that_came_and_a_person_who_restarts_the_agent_cost_the_way_back_no_life() -> None:
    waits = RollingBack(an_update(), OLD, FAILURE, pending=True, lives=LIVES - 1)
    by_hand = machine.step(waits, Restarted(an_image(NEW), BOOT), NOON, Rules())
    booted = machine.step(waits, Restarted(an_image(NEW), LATER_BOOT, crashed=True), NOON, Rules())
    assert Rollback(OLD) in by_hand.commands
    assert Rollback(OLD) in booted.commands


def test_a_reboot_that_was_awaited_is_no_life_that_was_lost() -> None:
    state = Rebooting(an_update(reboots=1))
    for boot in ("boot-2", "boot-2", "boot-2", "boot-2"):
        proven = machine.step(state, Restarted(an_image(NEW, None, OLD), boot, crashed=True), NOON, Rules())
        assert isinstance(proven.state, Proving)
        assert proven.state.lives == 0


class Killed(BaseException):
    """The agent is killed. Nothing in it may catch that."""


class Deadly(FakeEngine):
    """Kills whoever brings up an image of these."""

    def __init__(self, *deadly: str, at: str) -> None:
        super().__init__(OLD)
        self._deadly, self._at = deadly, at

    def stage(
        self, target: ImageTarget, progress: Callable[[StageProgress], None], cancelled: Callable[[], bool]
    ) -> StageResult:
        self._kill("stage", target.digest)
        return super().stage(target, progress, cancelled)

    def activate(self, digest: str) -> Activation:
        activated = super().activate(digest)
        self._kill("activate", digest)
        return activated

    def _kill(self, at: str, digest: str) -> None:
        if at == self._at and digest in self._deadly:
            raise Killed


def lives_lost(doing: Callable[[], object], again: Callable[[], object]) -> int:
    """Do something, and then, as often as the agent is killed, start it again; how often that was."""
    killed = 0
    while True:
        try:
            doing()
        except Killed:
            killed, doing = killed + 1, again
        else:
            return killed


@pytest.mark.parametrize("at", ["stage", "activate"])
def test_an_image_that_kills_the_agent_is_given_up_and_the_next_one_comes(at: str) -> None:
    rig = Rig()
    rig.engines[FOLLOW] = Deadly(NEW, at=at)
    rig.restart()
    killed = lives_lost(lambda: rig.announce(NEW, sequence=1), rig.restart)
    for _ in range(Rules().stage_attempts):
        killed += lives_lost(lambda: rig.advance(Rules().retry_cap), rig.restart)
    assert killed == LIVES * (Rules().stage_attempts if at == "stage" else 1)
    assert rig.image.disk.status.current == OLD
    codes = [event.data.code for event in rig.events() if event.data.step in (Step.FAILED, Step.ROLLED_BACK)]
    assert codes == [Code.AGENT_KILLED]
    assert lives_lost(lambda: rig.announce(NEWER, sequence=2), rig.restart) == 0
    assert rig.image.disk.status.current == NEWER
