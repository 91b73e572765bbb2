"""The update machine. PURE: `step(state, event, now, rules)` says where to go and what to do.

Rules that hold in every line:
1. One update at a time; a newer statement supersedes an older one up to the moment of activation.
2. A message that is refused changes nothing but what is reported.
3. Success is only said after health.
4. Every command is safe to repeat: after a restart the state alone says what to do next.
5. An event that makes no sense in a state is a reported no-op.

The drawing in docs/state-machine.md is generated from this file by walking every state with every event.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from tidegate_agent.model import Failure
from tidegate_agent.states import (
    Activate,
    Activated,
    ActivateFailed,
    Activating,
    Active,
    Admitted,
    Assess,
    Assessed,
    CancelRequested,
    CancelStage,
    Command,
    Discard,
    Event,
    Heard,
    Idle,
    Known,
    Outcome,
    Progressed,
    Prove,
    Proved,
    Proving,
    Quarantine,
    Reboot,
    Rebooting,
    Recheck,
    Refused,
    Report,
    ReportNonsense,
    ReportRefusal,
    Restarted,
    Resting,
    Rollback,
    RollbackFailed,
    RollbackRequested,
    RolledBack,
    RollingBack,
    Rules,
    Settled,
    Stage,
    Staged,
    StageDone,
    StageFailed,
    Staging,
    State,
    Transition,
    Update,
    Verify,
    Verifying,
    Wait,
    WaitFor,
    Waiting,
    WakeAt,
    Woken,
)
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from datetime import datetime, timedelta


def step(state: State, event: Event, now: datetime, rules: Rules) -> Transition:
    """One step of the machine. Never raises; never looks at anything but its arguments."""
    match event:
        case Heard():
            return _heard(state, event)
        case Refused():
            return _refused(state, event)
        case Known():
            return Transition(state.before if isinstance(state, Verifying) else state)
        case Admitted():
            return _admitted(state, event, now)
    match state:
        case Idle() | Settled():
            return _at_rest(state, event, now)
        case Verifying():
            return _verifying(state, event, now)
        case Waiting():
            return _waiting(state, event, now)
        case Staging():
            return _staging(state, event, now, rules)
        case Staged():
            return _staged(state, event, now)
        case Activating():
            return _activating(state, event, now)
        case Rebooting():
            return _rebooting(state, event, now, rules)
        case Proving():
            return _proving(state, event, now, rules)
        case RollingBack():
            return _rolling_back(state, event, now)
        case _:
            assert_never(state)


# What may be heard in every state


def _heard(state: State, event: Heard) -> Transition:
    verify = Verify(event.announcement)
    if isinstance(state, Idle | Settled):
        return Transition(Verifying(event.announcement, state), (verify,))
    if isinstance(state, Verifying):
        return Transition(replace(state, announcement=event.announcement), (verify,))
    return Transition(state, (verify,))


def _refused(state: State, event: Refused) -> Transition:
    report = ReportRefusal(event.announcement, event.failure)
    if isinstance(state, Verifying) and state.announcement == event.announcement:
        return Transition(state.before, (report,))
    return Transition(state, (report,))


def _admitted(state: State, event: Admitted, now: datetime) -> Transition:
    match state:
        case Idle() | Settled():
            return _begin(state, event, now)
        case Verifying():
            return _begin(state.before, event, now)
        case Waiting() | Staging() | Staged():
            if event.target.digest == state.update.target.digest:
                return _refresh(state, event, now)
            return _supersede(state, event, now)
        case Activating() | Rebooting() | Proving() | RollingBack():
            # Past the point of no return: the newest statement is looked at again once this is over.
            return Transition(state)
        case _:
            assert_never(state)


def _begin(before: Resting, event: Admitted, now: datetime) -> Transition:
    target = event.target
    update = Update(target, event.attempt, event.image.current, event.boot_id, event.installed_sequence)
    if event.image.current == target.digest:
        return _already_there(before, update, now)
    if target.rollout.state is RolloutState.REVOKED:
        return _settle(update, Outcome.CANCELLED, now, _revoked())
    if event.unfit is not None:
        if is_about(before, target.digest):
            # A heartbeat for what this host has given up on is no news.
            return Transition(_with_target(before, update))
        return _settle(update, Outcome.REJECTED, now, event.unfit)
    update = _mark(update, Step.ACCEPTED, now)
    return Transition(Waiting(update), (Report(Step.ACCEPTED, update), Assess(target, to_activate=False)))


def _already_there(before: Resting, update: Update, now: datetime) -> Transition:
    if is_about(before, update.target.digest):
        return Transition(_with_target(before, update))
    return _settle(update, Outcome.SUCCEEDED, now)


def _with_target(state: Resting, update: Update) -> Resting:
    if isinstance(state, Settled):
        return replace(state, update=replace(state.update, target=update.target))
    return state


def _refresh(state: Waiting | Staging | Staged, event: Admitted, now: datetime) -> Transition:
    """A newer statement of the same image: a heartbeat, a promotion, a hold or its end, or a withdrawal."""
    update = replace(state.update, target=event.target)
    if event.target.rollout.state is RolloutState.REVOKED:
        return _abandon(replace(state, update=update), Outcome.CANCELLED, _revoked(), now)
    if event.unfit is not None:
        return _abandon(replace(state, update=update), Outcome.REJECTED, event.unfit, now)
    fresh = replace(state, update=update)
    if isinstance(fresh, Staging):
        return Transition(fresh)
    return Transition(fresh, (Assess(event.target, to_activate=isinstance(fresh, Staged)),))


def _supersede(state: Waiting | Staging | Staged, event: Admitted, now: datetime) -> Transition:
    failure = Failure(Code.UPDATE_SUPERSEDED, f"sequence {event.target.sequence} took its place")
    ended = _abandon(state, Outcome.SUPERSEDED, failure, now)
    resting = ended.state if isinstance(ended.state, Settled) else Idle()
    begun = _begin(resting, event, now)
    return Transition(begun.state, ended.commands + begun.commands)


def _revoked() -> Failure:
    return Failure(Code.ROLLOUT_REVOKED, "the publisher withdrew this release")


# At rest


def _at_rest(state: Resting, event: Event, now: datetime) -> Transition:
    match event:
        case Restarted() | Woken() | Progressed() | StageDone() | StageFailed():
            # Old alarms, and the late word of a staging that was cancelled.
            return Transition(state)
        case RollbackRequested() if isinstance(state, Settled) and state.outcome is Outcome.SUCCEEDED:
            # An attempt of its own: the one before has had its last word.
            again = replace(state.update, attempt=state.update.attempt + 1)
            return _go_back(again, event.failure, now) or _nonsense(state, event)
        case _:
            return _nonsense(state, event)


def _verifying(state: Verifying, event: Event, now: datetime) -> Transition:
    match event:
        case Restarted():
            # The message is retained: it comes again with the connection.
            return Transition(state.before)
        case RollbackRequested():
            asked = _at_rest(state.before, event, now)
            return asked if isinstance(asked.state, RollingBack) else _nonsense(state, event)
        case Woken():
            return Transition(state)
        case _:
            return _nonsense(state, event)


# Before activation


def _waiting(state: Waiting, event: Event, now: datetime) -> Transition:
    target = state.update.target
    match event:
        case Restarted() | Woken():
            return Transition(state, (Assess(target, to_activate=False),))
        case Assessed(wait=None):
            update = _mark(state.update, Step.STAGING, now)
            return Transition(Staging(update), (Report(Step.STAGING, update), Stage(target)))
        case Assessed(wait=Wait() as wait):
            return _keep_waiting(state, wait)
        case CancelRequested():
            return _abandon(state, Outcome.CANCELLED, event.failure, now)
        case _:
            return _nonsense(state, event)


def _keep_waiting(state: Waiting | Staged, wait: Wait) -> Transition:
    alarm: tuple[Command, ...] = () if wait.until is None else (WakeAt(wait.until),)
    news = state.wait is None or state.wait.reason is not wait.reason
    told: tuple[Command, ...] = (Report(Step.WAITING, state.update, wait=wait),) if news else ()
    return Transition(replace(state, wait=wait), told + alarm)


def _staging(state: Staging, event: Event, now: datetime, rules: Rules) -> Transition:
    target = state.update.target
    match event:
        case Restarted():
            return Transition(state, (Stage(target),))
        case Progressed() if event.digest == target.digest:
            report = Report(Step.STAGING, state.update, percent=event.percent)
            return Transition(replace(state, percent=event.percent), (report,))
        case StageDone() if event.asked == target.digest:
            return _stage_done(state, event, now)
        case StageFailed() if event.asked == target.digest:
            return _stage_failed(state, event, now, rules)
        case CancelRequested():
            return _abandon(state, Outcome.CANCELLED, event.failure, now)
        case Progressed() | StageDone() | StageFailed() | Woken():
            # The late word of a staging that was superseded.
            return Transition(state)
        case _:
            return _nonsense(state, event)


def _stage_done(state: Staging, event: StageDone, now: datetime) -> Transition:
    """Step 9 of the order of verification: what is staged is what was verified."""
    target = state.update.target
    if event.found != target.digest:
        reason = f"the engine staged {event.found}, not {target.digest}"
        failure = Failure(Code.IMAGE_DIGEST_MISMATCH, reason)
        return _abandon(state, Outcome.FAILED, failure, now)
    fetched = state.update.bytes_fetched + event.bytes_fetched
    update = _mark(replace(state.update, bytes_fetched=fetched), Step.STAGED, now)
    return Transition(Staged(update), (Report(Step.STAGED, update), Assess(target, to_activate=True)))


def _stage_failed(state: Staging, event: StageFailed, now: datetime, rules: Rules) -> Transition:
    if not event.retryable or state.update.attempt >= rules.stage_attempts:
        return _abandon(state, Outcome.FAILED, event.failure, now)
    update = replace(state.update, attempt=state.update.attempt + 1)
    until = now + _pause(state.update.attempt, rules)
    wait = Wait(WaitFor.RETRY, event.failure.reason, until)
    report = Report(Step.WAITING, state.update, event.failure, wait)
    return Transition(Waiting(update, wait), (report, WakeAt(until)))


def _pause(attempt: int, rules: Rules) -> timedelta:
    return min(rules.retry_after * (1 << min(attempt - 1, 16)), rules.retry_cap)


def _staged(state: Staged, event: Event, now: datetime) -> Transition:
    target = state.update.target
    match event:
        case Restarted() if event.image.staged == target.digest:
            return Transition(state, (Assess(target, to_activate=True),))
        case Restarted():
            # Power loss while staged: the engine kept the blobs, not the deployment (hosts.md, finalizing).
            update = _mark(state.update, Step.STAGING, now)
            return Transition(Staging(update), (Stage(target),))
        case Woken():
            return Transition(state, (Assess(target, to_activate=True),))
        case Assessed(wait=None):
            update = _mark(state.update, Step.ACTIVATING, now)
            return Transition(Activating(update), (Report(Step.ACTIVATING, update), Activate(target.digest)))
        case Assessed(wait=Wait() as wait):
            return _keep_waiting(state, wait)
        case CancelRequested():
            return _abandon(state, Outcome.CANCELLED, event.failure, now)
        case _:
            return _nonsense(state, event)


def _abandon(
    state: Waiting | Staging | Staged, outcome: Outcome, failure: Failure, now: datetime
) -> Transition:
    ended = _settle(state.update, outcome, now, failure)
    stop: tuple[Command, ...] = (CancelStage(),) if isinstance(state, Staging) else ()
    drop: tuple[Command, ...] = () if isinstance(state, Waiting) else (Discard(),)
    return Transition(ended.state, (*ended.commands, *stop, *drop))


# From activation on


def _activating(state: Activating, event: Event, now: datetime) -> Transition:
    update = state.update
    match event:
        case Restarted() if event.image.current == update.target.digest and event.boot_id != update.boot_id:
            return _prove(update, now)
        case Restarted():
            return Transition(state, (Activate(update.target.digest),))
        case Activated(reboot_required=True):
            update = _mark(replace(update, reboots=update.reboots + 1), Step.REBOOTING, now)
            reboot = Reboot(f"update to {update.target.version}")
            return Transition(Rebooting(update), (Report(Step.REBOOTING, update), reboot))
        case Activated():
            return _prove(update, now)
        case ActivateFailed():
            return _end(update, Outcome.FAILED, now, event.failure)
        case _:
            return _in_flight(state, event)


def _rebooting(state: Rebooting, event: Event, now: datetime, rules: Rules) -> Transition:
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
            return _give_up(update, Outcome.ROLLED_BACK, failure, now)
        case Restarted() if update.reboots >= rules.reboots:
            failure = Failure(Code.BOOT_LOST, f"the new image was not there after {update.reboots} reboots")
            return _give_up(update, Outcome.FAILED, failure, now)
        case Restarted():
            again = replace(update, attempt=update.attempt + 1, boot_id=event.boot_id)
            return Transition(Waiting(again), (Assess(update.target, to_activate=False),))
        case ActivateFailed():
            return _end(update, Outcome.FAILED, now, event.failure)
        case _:
            return _in_flight(state, event)


def _prove(update: Update, now: datetime) -> Transition:
    marked = _mark(update, Step.PROVING, now)
    return Transition(Proving(marked), (Report(Step.PROVING, marked), Prove()))


def _proving(state: Proving, event: Event, now: datetime, rules: Rules) -> Transition:
    update = state.update
    match event:
        case Restarted() if event.image.current == update.target.digest:
            return Transition(replace(state, checking=True), (Prove(),))
        case Restarted():
            failure = Failure(Code.BOOT_FALLBACK, "the host left the new image before it was proven healthy")
            return _give_up(update, Outcome.ROLLED_BACK, failure, now)
        case Woken() if not state.checking:
            return Transition(replace(state, checking=True), (Prove(),))
        case Proved() if event.health.ok:
            return _end(update, Outcome.SUCCEEDED, now)
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
    return _go_back(update, failure, now) or _give_up(update, Outcome.FAILED, lonely, now)


def _go_back(update: Update, cause: Failure, now: datetime) -> Transition | None:
    """Leave the target for the image before it and quarantine it; None when there is none before it."""
    back_to, digest = update.previous, update.target.digest
    if back_to is None or back_to == digest:
        return None
    update = _mark(update, Step.ROLLING_BACK, now)
    commands = (Quarantine(digest, cause), Report(Step.ROLLING_BACK, update, cause), Rollback(back_to))
    return Transition(RollingBack(update, back_to, cause), commands)


def _rolling_back(state: RollingBack, event: Event, now: datetime) -> Transition:
    update = state.update
    match event:
        case Restarted() if event.image.current == state.back_to and event.boot_id != update.boot_id:
            return _end(update, Outcome.ROLLED_BACK, now, state.cause)
        case Restarted():
            return Transition(state, (Rollback(state.back_to),))
        case RolledBack(reboot_required=True):
            return Transition(state, (Reboot("return to the previous image"),))
        case RolledBack():
            return _end(update, Outcome.ROLLED_BACK, now, state.cause)
        case RollbackFailed() | ActivateFailed():
            reason = f"{event.failure.reason} (on the way back because: {state.cause.reason})"
            return _end(update, Outcome.FAILED, now, Failure(Code.ROLLBACK_FAILED, reason))
        case _:
            return _in_flight(state, event)


def _in_flight(state: Activating | Rebooting | Proving | RollingBack, event: Event) -> Transition:
    # Alarms and late words of staging are harmless once activation has begun.
    if isinstance(event, Woken | Progressed | StageDone | StageFailed):
        return Transition(state)
    return _nonsense(state, event)


# Endings


def _give_up(update: Update, outcome: Outcome, failure: Failure, now: datetime) -> Transition:
    ended = _end(update, outcome, now, failure)
    return Transition(ended.state, (Quarantine(update.target.digest, failure), *ended.commands))


def _end(update: Update, outcome: Outcome, now: datetime, failure: Failure | None = None) -> Transition:
    """Settle, then look at what was announced while nothing could supersede."""
    settled = _settle(update, outcome, now, failure)
    return Transition(settled.state, (*settled.commands, Recheck()))


def _settle(update: Update, outcome: Outcome, now: datetime, failure: Failure | None = None) -> Transition:
    marked = _mark(update, Step(outcome.value), now)
    return Transition(Settled(marked, outcome, failure), (Report(Step(outcome.value), marked, failure),))


def _mark(update: Update, step_: Step, now: datetime) -> Update:
    return replace(update, marks=(*update.marks, (step_, now)))


def _nonsense(state: State, event: Event) -> Transition:
    return Transition(state, (ReportNonsense(state.kind, type(event).__name__),))


def update_of(state: State) -> Update | None:
    """The update that a state speaks of, in progress or ended; None where there is none."""
    match state:
        case Idle():
            return None
        case Verifying():
            return update_of(state.before)
        case Settled():
            return state.update
        case Waiting() | Staging() | Staged() | Activating() | Rebooting() | Proving() | RollingBack():
            return state.update
        case _:
            assert_never(state)


def is_about(state: State, digest: str) -> bool:
    """Whether the host is at rest, and its last update was to this digest."""
    resting = state.before if isinstance(state, Verifying) else state
    return isinstance(resting, Settled) and resting.update.target.digest == digest


def blocks_others(state: State, *, to_activate: bool) -> bool:
    """Whether another follow's update has to wait for this one: one at a time on a host."""
    if isinstance(state, Activating | Rebooting | Proving | RollingBack):
        return True
    return isinstance(state, Staging) and not to_activate


__all__ = ["Active", "blocks_others", "is_about", "step", "update_of"]
