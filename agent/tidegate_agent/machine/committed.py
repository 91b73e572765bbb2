"""From activation to the boot: nothing supersedes, and what the boot brought decides how it goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from tidegate_agent.machine.after_boot import AfterBoot, after_boot
from tidegate_agent.machine.endings import (
    end,
    fall_back,
    give_up,
    go_back,
    in_flight,
    mark,
    pause,
    prove,
)
from tidegate_agent.machine.lives import worn_out
from tidegate_agent.model import Failure
from tidegate_agent.update.commands import (
    Activate,
    Assess,
    Command,
    Discard,
    Reboot,
    Recheck,
    Report,
    Transition,
    WakeAfter,
)
from tidegate_agent.update.events import Activated, ActivateFailed, Event, Restarted, Woken
from tidegate_agent.update.states import (
    Activating,
    Outcome,
    Rebooting,
    Update,
    Wait,
    WaitFor,
    Waiting,
)
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.machine.rules import Rules


def activating(state: Activating, event: Event, now: datetime, rules: Rules) -> Transition:
    """The engine is switching."""
    update = state.update
    match event:
        case Restarted() if _is_switching(update, event) and (failure := worn_out(state, rules)) is not None:
            return go_back(update, failure, now) or give_up(update, Outcome.FAILED, failure, now)
        case Restarted() if _is_switching(update, event):
            # An engine that needs no reboot may have been interrupted in the middle: it completes the switch.
            return Transition(replace(state, asking=True), (Activate(update.target.digest),))
        case Restarted():
            return _after_boot(state, event, now, rules)
        case Activated(reboot_required=True):
            update = mark(replace(update, reboots=update.reboots + 1), Step.REBOOTING, now)
            told = Report(Step.REBOOTING, update)
            return Transition(Rebooting(update, event.soft), (told, *_ask(update, rules, soft=event.soft)))
        case Activated():
            return prove(update, now)
        case Woken() if not state.asking:
            return Transition(replace(state, asking=True), (Activate(update.target.digest),))
        case ActivateFailed(runs=True):
            return _half_switched(state, event, now, rules)
        case ActivateFailed():
            return _failed(update, event, now, rules)
        case _:
            return in_flight(state, event)


def _half_switched(state: Activating, event: ActivateFailed, now: datetime, rules: Rules) -> Transition:
    """The target runs, and the switch to it cannot be completed: try again, else leave it."""
    update = state.update
    if event.retryable and update.attempt < rules.stage_attempts:
        again = replace(update, attempt=update.attempt + 1)
        later = replace(state, update=again, asking=False, lives=0)
        return Transition(later, (WakeAfter(pause(update.attempt, rules)),))
    return go_back(update, event.failure, now) or give_up(update, Outcome.FAILED, event.failure, now)


def _is_switching(update: Update, event: Restarted) -> bool:
    here = event.image.current == update.target.digest and event.boot_id == update.boot_id
    return here and event.guard is None


def rebooting(state: Rebooting, event: Event, now: datetime, rules: Rules) -> Transition:
    """A reboot is awaited."""
    update = state.update
    match event:
        case Restarted():
            return _after_boot(state, event, now, rules)
        case Woken():
            # It was accepted, and the host is still up: a job that hangs, or a person who is asked to do it.
            return Transition(replace(state, lives=0), _ask(update, rules, soft=state.soft))
        case ActivateFailed():
            # No reboot came of it: it must not count against the image.
            return _failed(replace(update, reboots=max(0, update.reboots - 1)), event, now, rules)
        case _:
            return in_flight(state, event)


def _failed(update: Update, event: ActivateFailed, now: datetime, rules: Rules) -> Transition:
    """Drop what is staged, else some later reboot would bring it up unwatched; try again if that may help."""
    if not event.retryable or update.attempt >= rules.stage_attempts:
        ended = end(update, Outcome.FAILED, now, event.failure)
        return Transition(ended.state, (*ended.commands, Discard()))
    again = replace(update, attempt=update.attempt + 1)
    length = pause(update.attempt, rules)
    wait = Wait(WaitFor.RETRY, event.failure.reason, now + length)
    report = Report(Step.WAITING, update, event.failure, wait)
    return Transition(Waiting(again, wait), (report, Discard(), WakeAfter(length), Recheck()))


def _ask(update: Update, rules: Rules, *, soft: bool) -> tuple[Command, ...]:
    return WakeAfter(rules.ask_again), Reboot(f"update to {update.target.version}", soft)


def _after_boot(state: Activating | Rebooting, event: Restarted, now: datetime, rules: Rules) -> Transition:
    update = state.update
    match after_boot(update, event):
        case AfterBoot.CAME_UP:
            return prove(replace(update, boot_id=event.boot_id), now)
        case AfterBoot.STILL_TO_COME:
            return _still_to_come(state, event, now, rules)
        case AfterBoot.FELL_BACK:
            return fall_back(update, event, now)
        case AfterBoot.LOST:
            return _lost(state, event, now, rules)
        case AfterBoot.ELSEWHERE:
            reason = (
                f"the host runs {event.image.current or 'an image unknown here'}, which somebody else chose"
            )
            return end(update, Outcome.FAILED, now, Failure(Code.BOOT_LOST, reason))
        case never:
            assert_never(never)


def _still_to_come(
    state: Activating | Rebooting, event: Restarted, now: datetime, rules: Rules
) -> Transition:
    update = state.update
    if isinstance(state, Rebooting) and event.boot_id == update.boot_id:
        if (failure := worn_out(state, rules)) is not None:
            # Asking for the reboot is what kills it: that is not held against the image.
            asked = replace(update, reboots=max(0, update.reboots - 1))
            return _failed(asked, ActivateFailed(failure, retryable=True), now, rules)
        # The agent was restarted, the host was not. Or its userspace was, in vain, where systemd does not
        # count that: then the next reboot has to be one that is counted.
        return Transition(replace(state, soft=False), _ask(update, rules, soft=False))
    if isinstance(state, Rebooting) and update.reboots >= rules.reboots:
        return _and_discard(_give_up_boot(update, event, now))
    lives = state.lives if isinstance(state, Activating) else 0
    again = Activating(replace(update, boot_id=event.boot_id), lives)
    if (failure := worn_out(again, rules)) is not None:
        return _and_discard(give_up(update, Outcome.FAILED, failure, now))
    return Transition(again, (Activate(update.target.digest),))


def _and_discard(given_up: Transition) -> Transition:
    return Transition(given_up.state, (*given_up.commands, Discard()))


def _lost(state: Activating | Rebooting, event: Restarted, now: datetime, rules: Rules) -> Transition:
    update = state.update
    # Power may go before the reboot was asked for, and finalization may have been under way.
    reboots = update.reboots + (1 if isinstance(state, Activating) else 0)
    if reboots >= rules.reboots:
        return _give_up_boot(replace(update, reboots=reboots), event, now)
    again = replace(update, attempt=update.attempt + 1, reboots=reboots, boot_id=event.boot_id)
    return Transition(Waiting(again), (Assess(update.target, to_activate=False),))


def _give_up_boot(update: Update, event: Restarted, now: datetime) -> Transition:
    reason = f"the new image was not there after {update.reboots} reboots"
    if event.image.fault is not None:
        reason = f"{reason}: {event.image.fault}"
    return give_up(update, Outcome.FAILED, Failure(Code.BOOT_LOST, reason), now)
