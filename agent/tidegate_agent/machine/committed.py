"""From activation on: nothing supersedes; the update ends proven, rolled back or failed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate_agent.machine.endings import end, give_up, go_back, mark, nonsense
from tidegate_agent.model import Failure
from tidegate_agent.update.commands import (
    Activate,
    Assess,
    Discard,
    Prove,
    Reboot,
    Report,
    Rollback,
    Transition,
    WakeAt,
)
from tidegate_agent.update.events import (
    Activated,
    ActivateFailed,
    Event,
    Progressed,
    Proved,
    Restarted,
    RollbackFailed,
    RolledBack,
    StageDone,
    StageFailed,
    Woken,
)
from tidegate_agent.update.states import Activating, Outcome, Proving, Rebooting, RollingBack, Update, Waiting
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tidegate_agent.machine.rules import Rules


def activating(state: Activating, event: Event, now: datetime) -> Transition:
    """The engine is switching."""
    update = state.update
    match event:
        case Restarted() if event.image.current == update.target.digest and event.boot_id != update.boot_id:
            return _prove(update, now)
        case Restarted():
            return Transition(state, (Activate(update.target.digest),))
        case Activated(reboot_required=True):
            update = mark(replace(update, reboots=update.reboots + 1), Step.REBOOTING, now)
            reboot = Reboot(f"update to {update.target.version}")
            return Transition(Rebooting(update), (Report(Step.REBOOTING, update), reboot))
        case Activated():
            return _prove(update, now)
        case ActivateFailed():
            # Else an engine that boots what is staged would bring it up with whatever reboot comes next.
            ended = end(update, Outcome.FAILED, now, event.failure)
            return Transition(ended.state, (*ended.commands, Discard()))
        case _:
            return _in_flight(state, event)


def rebooting(state: Rebooting, event: Event, now: datetime, rules: Rules) -> Transition:
    """The decision table 'after the boot' of hosts.md."""
    update = state.update
    match event:
        case Restarted() if event.image.current == update.target.digest:
            return _prove(update, now)
        case Restarted() if event.boot_id == update.boot_id:
            # The agent was restarted, the host was not.
            return Transition(state, (Reboot(f"update to {update.target.version}"),))
        case Restarted() if event.image.previous == update.target.digest:
            failure = Failure(Code.BOOT_FALLBACK, "the new image did not come up; the boot loader went back")
            return give_up(update, Outcome.ROLLED_BACK, failure, now)
        case Restarted() if update.reboots >= rules.reboots:
            failure = Failure(Code.BOOT_LOST, f"the new image was not there after {update.reboots} reboots")
            return give_up(update, Outcome.FAILED, failure, now)
        case Restarted():
            again = replace(update, attempt=update.attempt + 1, boot_id=event.boot_id)
            return Transition(Waiting(again), (Assess(update.target, to_activate=False),))
        case ActivateFailed():
            return end(update, Outcome.FAILED, now, event.failure)
        case _:
            return _in_flight(state, event)


def _prove(update: Update, now: datetime) -> Transition:
    marked = mark(update, Step.PROVING, now)
    return Transition(Proving(marked), (Report(Step.PROVING, marked), Prove()))


def proving(state: Proving, event: Event, now: datetime, rules: Rules) -> Transition:
    """The target runs; is it healthy?"""
    update = state.update
    match event:
        case Restarted() if event.image.current == update.target.digest:
            return Transition(replace(state, checking=True), (Prove(),))
        case Restarted():
            failure = Failure(Code.BOOT_FALLBACK, "the host left the new image before it was proven healthy")
            return give_up(update, Outcome.ROLLED_BACK, failure, now)
        case Woken() if not state.checking:
            return Transition(replace(state, checking=True), (Prove(),))
        case Proved() if event.health.ok:
            return end(update, Outcome.SUCCEEDED, now)
        case Proved() if _proving_since(update, now) >= rules.health_timeout:
            return _unhealthy(update, Failure(Code.HEALTH_TIMEOUT, event.health.reason), now)
        case Proved() if state.round < rules.health_rounds:
            later = replace(state, round=state.round + 1, checking=False)
            return Transition(later, (WakeAt(now + rules.health_interval),))
        case Proved():
            return _unhealthy(update, Failure(Code.HEALTH_FAILED, event.health.reason), now)
        case _:
            return _in_flight(state, event)


def _proving_since(update: Update, now: datetime) -> timedelta:
    began = next((at for step_, at in reversed(update.marks) if step_ is Step.PROVING), now)
    return now - began


def _unhealthy(update: Update, failure: Failure, now: datetime) -> Transition:
    lonely = Failure(failure.code, f"{failure.reason}; there is no previous image to return to")
    return go_back(update, failure, now) or give_up(update, Outcome.FAILED, lonely, now)


def rolling_back(state: RollingBack, event: Event, now: datetime) -> Transition:
    """The engine is switching back."""
    update = state.update
    match event:
        case Restarted() if event.image.current == state.back_to and event.boot_id != update.boot_id:
            return end(update, Outcome.ROLLED_BACK, now, state.cause)
        case Restarted():
            return Transition(state, (Rollback(state.back_to),))
        case RolledBack(reboot_required=True):
            return Transition(state, (Reboot("return to the previous image"),))
        case RolledBack():
            return end(update, Outcome.ROLLED_BACK, now, state.cause)
        case RollbackFailed() | ActivateFailed():
            reason = f"{event.failure.reason} (on the way back because: {state.cause.reason})"
            return end(update, Outcome.FAILED, now, Failure(Code.ROLLBACK_FAILED, reason))
        case _:
            return _in_flight(state, event)


def _in_flight(state: Activating | Rebooting | Proving | RollingBack, event: Event) -> Transition:
    # Alarms and late words of staging are harmless once activation has begun.
    if isinstance(event, Woken | Progressed | StageDone | StageFailed):
        return Transition(state)
    return nonsense(state, event)
