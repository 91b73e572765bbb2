"""What the model found (docs/model.md): statements accepted past the point of no return, half switches."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from tests.support.rig import Rig
from tests.support.statements import NOON
from tests.support.updates import BOOT, FAILURE, LATER_BOOT, NEW, OLD, an_image, an_update
from tidegate_agent import machine
from tidegate_agent.machine.rules import Rules
from tidegate_agent.update.commands import Activate, Disarm, Prove, Rollback, WakeAfter
from tidegate_agent.update.events import ActivateFailed, Restarted, Woken
from tidegate_agent.update.states import (
    Activating,
    Outcome,
    Proving,
    Rebooting,
    RollingBack,
    Settled,
    Staged,
    Staging,
    WaitFor,
    Waiting,
)
from tidegate_schemas.rollout import Rollout, RolloutState

RULES: Final = Rules()
STOPS: Final = [RolloutState.HELD, RolloutState.REVOKED]


def a_rebooting_rig() -> Rig:
    rig = Rig(reboots=True)
    rig.announce(NEW, sequence=1)
    assert isinstance(rig.follower.state, Rebooting)
    return rig


def activations(rig: Rig) -> int:
    return sum(call.startswith("activate") for call in rig.image.calls)


def stop(rig: Rig, rollout: RolloutState) -> bytes:
    message = rig.announce(NEW, sequence=2, rollout=Rollout(seed="seed", state=rollout))
    assert isinstance(rig.follower.state, Rebooting)
    return message


@pytest.mark.parametrize("rollout", STOPS)
def test_what_was_accepted_past_activation_counts_when_the_reboot_is_refused(rollout: RolloutState) -> None:
    rig = a_rebooting_rig()
    stop(rig, rollout)
    rig.host.refusal = "a shutdown is in progress"
    rig.advance(RULES.ask_again + timedelta(seconds=1))
    rig.host.refusal = None
    for _ in range(10):
        rig.advance(timedelta(hours=1))
    assert activations(rig) == 1
    state = rig.follower.state
    held = isinstance(state, Waiting) and state.wait is not None and state.wait.reason is WaitFor.HOLD
    assert held if rollout is RolloutState.HELD else isinstance(state, Settled)


@pytest.mark.parametrize("rollout", STOPS)
def test_what_was_accepted_past_activation_counts_after_a_boot_that_was_lost(rollout: RolloutState) -> None:
    """Also where the broker shows nothing: the host waits for the word that it has accepted."""
    rig = a_rebooting_rig()
    message = stop(rig, rollout)
    rig.broker.retained.clear()
    rig.image.reboot(power_cut=True)
    rig.host.boot()
    rig.restart()
    for _ in range(10):
        rig.advance(timedelta(hours=1))
    state = rig.follower.state
    assert isinstance(state, Waiting)
    assert state.wait is not None
    assert state.wait.reason is WaitFor.STATEMENT
    assert "statement 2" in state.wait.text
    rig.say(message)
    rig.advance(timedelta(hours=1))
    assert activations(rig) == 1
    held = rig.follower.state
    assert isinstance(held, Waiting if rollout is RolloutState.HELD else Settled)


def test_an_update_that_a_newer_release_overtook_gives_way_when_its_boot_is_lost() -> None:
    rig = a_rebooting_rig()
    rig.announce(OLD, sequence=2)
    rig.image.reboot(power_cut=True)
    rig.host.boot()
    rig.restart()
    state = rig.follower.state
    assert isinstance(state, Settled)
    assert state.update.target.digest == OLD
    assert activations(rig) == 1


def test_a_switch_that_was_interrupted_and_cannot_be_completed_now_is_tried_again() -> None:
    state = Activating(an_update())
    failed = machine.step(state, ActivateFailed(FAILURE, retryable=True, runs=True), NOON, RULES)
    assert isinstance(failed.state, Activating)
    assert not failed.state.asking
    assert failed.commands == (WakeAfter(RULES.retry_after),)
    again = machine.step(failed.state, Woken(), NOON, RULES)
    assert again.commands == (Activate(NEW),)
    assert machine.step(again.state, Woken(), NOON, RULES).commands == ()


@pytest.mark.parametrize(("retryable", "attempt"), [(False, 1), (True, RULES.stage_attempts)])
def test_a_switch_that_was_interrupted_and_cannot_be_completed_is_left(retryable: bool, attempt: int) -> None:  # noqa: FBT001 - a case
    state = Activating(an_update(attempt=attempt))
    failed = machine.step(state, ActivateFailed(FAILURE, retryable=retryable, runs=True), NOON, RULES)
    assert isinstance(failed.state, RollingBack)
    assert Rollback(OLD) in failed.commands


def test_a_life_that_ended_while_waiting_to_try_again_is_not_held_against_the_switch() -> None:
    state = Activating(an_update(), lives=1, asking=False)
    after = machine.step(state, Restarted(an_image(NEW), BOOT, crashed=True), NOON, RULES)
    assert after.state == replace(state, asking=True)


def test_a_staging_that_kills_goes_on_in_the_boot_that_it_is_in() -> None:
    state = Staging(an_update(), lives=RULES.lives)
    after = machine.step(state, Restarted(an_image(), LATER_BOOT, crashed=True), NOON, RULES)
    assert isinstance(after.state, Waiting)
    assert after.state.update.boot_id == LATER_BOOT


@pytest.mark.parametrize("state", [Waiting(an_update()), Staging(an_update()), Staged(an_update())])
def test_an_image_that_came_up_after_all_is_proven_at_once(state: Waiting | Staging | Staged) -> None:
    """Its reboot was given up on and came nevertheless, or somebody else brought it up: it is watched."""
    after = machine.step(state, Restarted(an_image(NEW, previous=OLD), LATER_BOOT), NOON, RULES)
    assert isinstance(after.state, Proving)
    assert after.state.update.boot_id == LATER_BOOT
    assert Prove() in after.commands
    assert Disarm() not in after.commands


def test_an_image_that_came_up_after_all_and_is_being_left_is_left() -> None:
    left = Restarted(an_image(NEW, previous=OLD), LATER_BOOT, FAILURE)
    after = machine.step(Waiting(an_update()), left, NOON, RULES)
    assert isinstance(after.state, RollingBack)
    assert Rollback(OLD) in after.commands


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.CANCELLED])
def test_an_image_whose_drop_was_overtaken_by_a_reboot_is_proven(outcome: Outcome) -> None:
    ended = Settled(an_update(), outcome, FAILURE)
    came = Restarted(an_image(NEW, None, OLD), LATER_BOOT)
    assert isinstance(machine.step(ended, came, NOON, Rules()).state, Proving)
    given_up = replace(came, quarantined=True)
    assert machine.step(ended, given_up, NOON, Rules()).state == ended
    elsewhere = replace(came, image=an_image(OLD))
    assert machine.step(ended, elsewhere, NOON, Rules()).state == ended
