"""Before activation: waiting, staging, staged. All of it can be abandoned."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tidegate_agent.machine.endings import came_up, mark, nonsense, pause, settle
from tidegate_agent.machine.lives import worn_out
from tidegate_agent.model import Failure
from tidegate_agent.update.commands import (
    Activate,
    Assess,
    CancelStage,
    Command,
    Discard,
    Report,
    Stage,
    Transition,
    WakeAfter,
    WakeAt,
)
from tidegate_agent.update.events import (
    Assessed,
    CancelRequested,
    Event,
    Progressed,
    Restarted,
    StageDone,
    StageFailed,
    Woken,
)
from tidegate_agent.update.states import Activating, Outcome, Staged, Staging, Update, Wait, WaitFor, Waiting
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.machine.rules import Rules

UNTOLD: Final = frozenset({WaitFor.CLOCK, WaitFor.INHIBITOR, WaitFor.LOCK, WaitFor.METERED, WaitFor.SESSIONS})
"""Hindrances whose end nothing tells: they are looked at again and again."""

COSTS: Final = frozenset({WaitFor.BUDGET, WaitFor.METERED})
"""Hindrances that stop a download which is under way."""


def waiting(state: Waiting, event: Event, now: datetime, rules: Rules) -> Transition:
    """The target is admitted and not staged yet."""
    target = state.update.target
    match event:
        case Restarted() if event.image.current == target.digest:
            return came_up(state.update, event, now)
        case Restarted():
            update = _resumed(state.update, event)
            return Transition(replace(state, update=update), (Assess(target, to_activate=False),))
        case Woken():
            return Transition(state, (Assess(target, to_activate=False),))
        case Assessed(wait=None):
            update = mark(state.update, Step.STAGING, now)
            return Transition(Staging(update), (Report(Step.STAGING, update), Stage(target), *_watch(rules)))
        case Assessed(wait=Wait() as wait):
            return _keep_waiting(state, wait, now, rules)
        case StageDone() if event.asked == target.digest:
            # The last word of a staging that was to be paused, and was through with it.
            return _stage_done(Staging(state.update), event, now)
        case Progressed() | StageDone() | StageFailed():
            return Transition(state)
        case CancelRequested():
            return abandon(state, Outcome.CANCELLED, event.failure, now)
        case _:
            return nonsense(state, event)


def _resumed(update: Update, event: Restarted) -> Update:
    """The update as it goes on: somebody may have brought another image up meanwhile, to which it returns."""
    image, update = event.image, replace(update, boot_id=event.boot_id)
    if image.current in (None, update.target.digest):
        return update
    return replace(update, previous=image.current, beside=image.previous)


def _keep_waiting(state: Waiting | Staged, wait: Wait, now: datetime, rules: Rules) -> Transition:
    at, alarm = wait.until, tuple[Command, ...]()
    if wait.reason in UNTOLD:
        # Nothing tells when a backup ends, a user leaves, or another host gives its slot back.
        left = rules.look_again if at is None else max(at - now, timedelta(0))
        alarm = (WakeAfter(min(left, rules.look_again)),)
    elif at is not None:
        alarm = (WakeAt(at),)
    news = state.wait is None or state.wait.reason is not wait.reason
    told: tuple[Command, ...] = (Report(Step.WAITING, state.update, wait=wait),) if news else ()
    return Transition(replace(state, wait=wait), told + alarm)


def staging(state: Staging, event: Event, now: datetime, rules: Rules) -> Transition:
    """The engine is fetching."""
    target = state.update.target
    match event:
        case Restarted() if event.image.current == target.digest:
            return came_up(state.update, event, now)
        case Restarted() if (failure := worn_out(state, rules)) is not None:
            resumed = replace(state, update=_resumed(state.update, event))
            return _stage_failed(resumed, StageFailed(target.digest, failure, retryable=True), now, rules)
        case Restarted():
            update, watch = _resumed(state.update, event), _watch(rules)
            look = (Assess(target, to_activate=False),) if watch else ()
            return Transition(replace(state, update=update), (Stage(target), *look, *watch))
        case Woken() if rules.watch_downloads:
            return Transition(state, (Assess(target, to_activate=False), *_watch(rules)))
        case Assessed(wait=Wait() as wait) if wait.reason in COSTS:
            paused = _keep_waiting(Waiting(state.update), wait, now, rules)
            return Transition(paused.state, (CancelStage(), *paused.commands))
        case Progressed() if event.digest == target.digest:
            report = Report(Step.STAGING, state.update, percent=event.percent)
            return Transition(replace(state, percent=event.percent, lives=0), (report,))
        case StageDone() if event.asked == target.digest:
            return _stage_done(state, event, now)
        case StageFailed() if event.asked == target.digest:
            return _stage_failed(state, event, now, rules)
        case CancelRequested():
            return abandon(state, Outcome.CANCELLED, event.failure, now)
        case Progressed() | StageDone() | StageFailed() | Woken() | Assessed():
            # The late word of a staging that was superseded; what would only keep another from being begun.
            return Transition(state)
        case _:
            return nonsense(state, event)


def _watch(rules: Rules) -> tuple[Command, ...]:
    return (WakeAfter(rules.look_again),) if rules.watch_downloads else ()


def _stage_done(state: Staging, event: StageDone, now: datetime) -> Transition:
    """Step 9 of the order of verification: what is staged is what was verified."""
    target = state.update.target
    if event.found != target.digest:
        reason = f"the engine staged {event.found}, not {target.digest}"
        failure = Failure(Code.IMAGE_DIGEST_MISMATCH, reason, {"staged": event.found})
        return abandon(state, Outcome.FAILED, failure, now)
    fetched = state.update.bytes_fetched + event.bytes_fetched
    update = mark(replace(state.update, bytes_fetched=fetched), Step.STAGED, now)
    return Transition(Staged(update), (Report(Step.STAGED, update), Assess(target, to_activate=True)))


def _stage_failed(state: Staging, event: StageFailed, now: datetime, rules: Rules) -> Transition:
    # A host that is offline for a week goes on trying; what it tries expires by itself.
    patient = event.failure.code is Code.IMAGE_UNREACHABLE or state.update.attempt < rules.stage_attempts
    if not event.retryable or not patient:
        return abandon(state, Outcome.FAILED, event.failure, now)
    update = replace(state.update, attempt=state.update.attempt + 1)
    length = pause(state.update.attempt, rules)
    wait = Wait(WaitFor.RETRY, event.failure.reason, now + length)
    report = Report(Step.WAITING, state.update, event.failure, wait)
    return Transition(Waiting(update, wait), (report, WakeAfter(length)))


def staged(state: Staged, event: Event, now: datetime, rules: Rules) -> Transition:
    """The image lies ready."""
    target = state.update.target
    match event:
        case Restarted() if event.image.current == target.digest:
            return came_up(state.update, event, now)
        case Restarted() if event.image.staged == target.digest:
            update = _resumed(state.update, event)
            return Transition(replace(state, update=update), (Assess(target, to_activate=True),))
        case Restarted():
            # Power loss while staged: the engine kept the blobs, not the deployment (hosts.md, finalizing).
            update = mark(_resumed(state.update, event), Step.STAGING, now)
            return Transition(Staging(update), (Stage(target), *_watch(rules)))
        case Woken():
            return Transition(state, (Assess(target, to_activate=True),))
        case Assessed(wait=None):
            update = mark(state.update, Step.ACTIVATING, now)
            return Transition(Activating(update), (Report(Step.ACTIVATING, update), Activate(target.digest)))
        case Assessed(wait=Wait() as wait):
            return _keep_waiting(state, wait, now, rules)
        case CancelRequested():
            return abandon(state, Outcome.CANCELLED, event.failure, now)
        case _:
            return nonsense(state, event)


def abandon(
    state: Waiting | Staging | Staged, outcome: Outcome, failure: Failure, now: datetime
) -> Transition:
    """End an update before activation and give back what it took."""
    ended = settle(state.update, outcome, now, failure)
    stop: tuple[Command, ...] = (CancelStage(),) if isinstance(state, Staging) else ()
    drop: tuple[Command, ...] = () if isinstance(state, Waiting) else (Discard(),)
    return Transition(ended.state, (*ended.commands, *stop, *drop))
