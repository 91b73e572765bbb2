"""What a message does, in whatever state it comes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from tidegate_agent.machine.endings import mark, settle
from tidegate_agent.machine.preparing import abandon
from tidegate_agent.machine.questions import is_about
from tidegate_agent.model import Failure
from tidegate_agent.update.commands import Assess, Report, ReportRefusal, Transition, Verify
from tidegate_agent.update.states import (
    Activating,
    Idle,
    Outcome,
    Proving,
    Rebooting,
    Resting,
    RollingBack,
    Settled,
    Staged,
    Staging,
    State,
    Update,
    Verifying,
    Waiting,
)
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.update.events import Admitted, Heard, Refused


def heard(state: State, event: Heard) -> Transition:
    """A message came: have it verified, whatever is going on."""
    verify = Verify(event.announcement)
    if isinstance(state, Idle | Settled):
        return Transition(Verifying(event.announcement, state), (verify,))
    if isinstance(state, Verifying):
        return Transition(replace(state, announcement=event.announcement), (verify,))
    return Transition(state, (verify,))


def refused(state: State, event: Refused) -> Transition:
    """The message is false: report it, change nothing (rule 2)."""
    report = ReportRefusal(event.announcement, event.failure)
    if isinstance(state, Verifying) and state.announcement == event.announcement:
        return Transition(state.before, (report,))
    return Transition(state, (report,))


def admitted(state: State, event: Admitted, now: datetime) -> Transition:
    """The message is genuine and new: begin, refresh, supersede, or set it aside."""
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
    target, image = event.target, event.image
    update = Update(
        target,
        event.attempt,
        previous=image.current,
        boot_id=event.boot_id,
        previous_sequence=event.installed_sequence,
        beside=image.previous,
    )
    if event.image.current == target.digest:
        return _already_there(before, update, event, now)
    revoked = target.rollout.state is RolloutState.REVOKED
    if (revoked or event.unfit is not None) and is_about(before, target.digest):
        # A heartbeat for what this host is through with is no news.
        return Transition(_with_target(before, update))
    if revoked:
        return settle(update, Outcome.CANCELLED, now, _revoked())
    if event.unfit is not None:
        return settle(update, Outcome.REJECTED, now, event.unfit)
    update = mark(update, Step.ACCEPTED, now)
    return Transition(Waiting(update), (Report(Step.ACCEPTED, update), Assess(target, to_activate=False)))


def _already_there(before: Resting, update: Update, event: Admitted, now: datetime) -> Transition:
    if is_about(before, update.target.digest):
        return Transition(_with_target(before, update))
    if event.unfit is not None and event.unfit.code is Code.IMAGE_QUARANTINED:
        # It runs because the way back from it failed, or by somebody's hand: nobody has proven it.
        return settle(update, Outcome.REJECTED, now, event.unfit)
    return settle(update, Outcome.SUCCEEDED, now)


def _with_target(state: Resting, update: Update) -> Resting:
    if isinstance(state, Settled):
        return replace(state, update=replace(state.update, target=update.target))
    return state


def _refresh(state: Waiting | Staging | Staged, event: Admitted, now: datetime) -> Transition:
    """A newer statement of the same image: a heartbeat, a promotion, a hold or its end, or a withdrawal."""
    update = replace(state.update, target=event.target)
    if event.target.rollout.state is RolloutState.REVOKED:
        return abandon(replace(state, update=update), Outcome.CANCELLED, _revoked(), now)
    if event.unfit is not None:
        return abandon(replace(state, update=update), Outcome.REJECTED, event.unfit, now)
    fresh = replace(state, update=update)
    if isinstance(fresh, Staging):
        return Transition(fresh)
    return Transition(fresh, (Assess(event.target, to_activate=isinstance(fresh, Staged)),))


def _supersede(state: Waiting | Staging | Staged, event: Admitted, now: datetime) -> Transition:
    failure = Failure(Code.UPDATE_SUPERSEDED, f"sequence {event.target.sequence} took its place")
    ended = abandon(state, Outcome.SUPERSEDED, failure, now)
    resting = ended.state if isinstance(ended.state, Settled) else Idle()
    begun = _begin(resting, event, now)
    return Transition(begun.state, ended.commands + begun.commands)


def _revoked() -> Failure:
    return Failure(Code.ROLLOUT_REVOKED, "the publisher withdrew this release")
