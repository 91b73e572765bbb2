"""The target runs and has to show that it works; or the host is on its way back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate_agent.machine.endings import (
    end,
    fall_back,
    give_up,
    go_back,
    in_flight,
    pause,
    succeed,
)
from tidegate_agent.machine.lives import worn_out
from tidegate_agent.model import Failure
from tidegate_agent.update.commands import Prove, Reboot, Rollback, Transition, WakeAfter
from tidegate_agent.update.events import (
    ActivateFailed,
    Event,
    Proved,
    Restarted,
    RollbackFailed,
    RolledBack,
    Woken,
)
from tidegate_agent.update.states import Outcome, Proving, RollingBack, Update
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.machine.rules import Rules


def proving(state: Proving, event: Event, now: datetime, rules: Rules) -> Transition:
    """The target runs; is it healthy?"""
    update = state.update
    match event:
        case Restarted() if event.guard is None and event.image.current == update.target.digest:
            update = replace(update, boot_id=event.boot_id)
            if (failure := worn_out(state, rules)) is not None:
                return _unhealthy(update, failure, now)
            return Transition(replace(state, update=update, checking=True), (Prove(),))
        case Restarted():
            return fall_back(update, event, now)
        case Woken() if not state.checking:
            return Transition(replace(state, checking=True), (Prove(),))
        case Proved() if event.health.ok:
            return succeed(update, event.health, now)
        case Proved() if event.proving_for >= rules.health_timeout and state.round > 1:
            return _unhealthy(update, Failure(Code.HEALTH_TIMEOUT, event.health.reason), now)
        case Proved() if state.round < rules.health_rounds:
            later = replace(state, round=state.round + 1, checking=False, lives=0)
            return Transition(later, (WakeAfter(rules.health_interval),))
        case Proved():
            return _unhealthy(update, Failure(Code.HEALTH_FAILED, event.health.reason), now)
        case _:
            return in_flight(state, event)


def _unhealthy(update: Update, failure: Failure, now: datetime) -> Transition:
    lonely = Failure(failure.code, f"{failure.reason}; there is no previous image to return to")
    return go_back(update, failure, now) or give_up(update, Outcome.FAILED, lonely, now)


def rolling_back(state: RollingBack, event: Event, now: datetime, rules: Rules) -> Transition:
    """The engine is switching back. Asking it again is how a start finds out whether it has arrived."""
    update = state.update
    match event:
        case Restarted() if (failure := worn_out(state, rules)) is not None:
            # In place the hook is what kills: who runs the other image's programs then is not known.
            arrived = event.image.current == state.back_to and not event.image.rollback_queued
            if state.reboots and arrived:
                return end(update, Outcome.ROLLED_BACK, now, state.cause)
            return _stranded(state, failure.reason, now)
        case Restarted():
            return Transition(_resumed(state, event), (Rollback(state.back_to),))
        case Woken() if not state.asking:
            return Transition(replace(state, asking=True), (Rollback(state.back_to),))
        case RolledBack(reboot_required=True) if state.reboots >= rules.reboots and not state.pending:
            reason = f"the previous image was not there after {state.reboots} reboots"
            return _stranded(state, reason, now)
        case RolledBack(reboot_required=True):
            reboots = state.reboots if state.pending else state.reboots + 1
            # Asked for before in this boot, or in vain: the next one has to be of the kind that is counted.
            soft = event.soft and not state.pending
            lives = state.lives if state.pending else 0
            later = replace(state, reboots=reboots, soft=soft, pending=True, lives=lives)
            return Transition(later, (WakeAfter(rules.ask_again), _reboot(later)))
        case RolledBack():
            return end(update, Outcome.ROLLED_BACK, now, state.cause)
        case Woken() if state.reboots:
            return Transition(state, (WakeAfter(rules.ask_again), _reboot(state)))
        case ActivateFailed() if event.retryable and state.tries < rules.stage_attempts:
            # No reboot came of it.
            return _try_again(replace(state, reboots=max(0, state.reboots - 1), pending=False), rules)
        case RollbackFailed() if event.retryable and state.tries < rules.stage_attempts:
            return _try_again(state, rules)
        case RollbackFailed() | ActivateFailed():
            return _stranded(state, event.failure.reason, now)
        case _:
            return in_flight(state, event)


def _resumed(state: RollingBack, event: Restarted) -> RollingBack:
    """After a restart of the agent alone the same reboot is awaited."""
    pending = state.pending and event.boot_id == state.update.boot_id
    update = replace(state.update, boot_id=event.boot_id)
    return replace(state, update=update, asking=True, pending=pending)


def _try_again(state: RollingBack, rules: Rules) -> Transition:
    """A tool that is busy now, or a reboot that is refused now, must not leave the host on a bad image."""
    later = replace(state, tries=state.tries + 1, asking=False, lives=0)
    return Transition(later, (WakeAfter(pause(later.tries, rules)),))


def _reboot(state: RollingBack) -> Reboot:
    return Reboot("return to the previous image", state.soft)


def _stranded(state: RollingBack, reason: str, now: datetime) -> Transition:
    text = f"{reason} (on the way back because: {state.cause.reason})"
    return end(state.update, Outcome.FAILED, now, Failure(Code.ROLLBACK_FAILED, text))
