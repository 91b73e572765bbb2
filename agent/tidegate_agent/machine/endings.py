"""How updates end, and what all phases share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate_agent.model import Failure
from tidegate_agent.update.commands import (
    Prove,
    Quarantine,
    Recheck,
    Report,
    ReportNonsense,
    Rollback,
    Transition,
)
from tidegate_agent.update.events import Event, Progressed, StageDone, StageFailed, Woken
from tidegate_agent.update.states import Outcome, Proving, RollingBack, Settled, State, Update
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tidegate_agent.machine.rules import Rules
    from tidegate_agent.model import Health
    from tidegate_agent.update.events import Restarted
    from tidegate_agent.update.states import Activating, Rebooting


def settle(update: Update, outcome: Outcome, now: datetime, failure: Failure | None = None) -> Transition:
    """End an update and say how."""
    marked = mark(update, Step(outcome.value), now)
    return Transition(Settled(marked, outcome, failure), (Report(Step(outcome.value), marked, failure),))


def succeed(update: Update, health: Health, now: datetime) -> Transition:
    """End an update well, and tell which checks failed that were only wanted."""
    ended = end(update, Outcome.SUCCEEDED, now)
    note = health.warnings or None
    commands = (replace(each, note=note) if isinstance(each, Report) else each for each in ended.commands)
    return Transition(ended.state, tuple(commands))


def end(update: Update, outcome: Outcome, now: datetime, failure: Failure | None = None) -> Transition:
    """Settle, then look at what was announced while nothing could supersede."""
    settled = settle(update, outcome, now, failure)
    return Transition(settled.state, (*settled.commands, Recheck()))


def give_up(update: Update, outcome: Outcome, failure: Failure, now: datetime) -> Transition:
    """End an update and never try its image again."""
    ended = end(update, outcome, now, failure)
    return Transition(ended.state, (Quarantine(update.target.digest, failure), *ended.commands))


def go_back(update: Update, cause: Failure, now: datetime) -> Transition | None:
    """Leave the target for the image before it and quarantine it; None when there is none before it."""
    back_to, digest = update.previous, update.target.digest
    if back_to is None or back_to == digest:
        return None
    update = mark(update, Step.ROLLING_BACK, now)
    commands = (Quarantine(digest, cause), Report(Step.ROLLING_BACK, update, cause), Rollback(back_to))
    return Transition(RollingBack(update, back_to, cause), commands)


def fall_back(update: Update, event: Restarted, now: datetime) -> Transition:
    """The host leaves the target, or has left it, before it was proven: quarantine it; stay with the other.

    After a fallback of the boot loader the target is still the next boot's (hosts.md, 'after the boot'), so
    the image that runs has to be made to stay.
    """
    unproven = Failure(Code.BOOT_FALLBACK, "the host left the new image before it was proven healthy")
    cause = event.guard or unproven
    current = event.image.current
    stay = update.previous if current in (None, update.target.digest) else current
    way_back = go_back(replace(update, previous=stay, boot_id=event.boot_id), cause, now)
    return way_back or give_up(update, Outcome.ROLLED_BACK, cause, now)


def prove(update: Update, now: datetime) -> Transition:
    """The target runs, and has to show that it is healthy."""
    marked = mark(update, Step.PROVING, now)
    return Transition(Proving(marked), (Report(Step.PROVING, marked), Prove()))


def came_up(update: Update, event: Restarted, now: datetime) -> Transition:
    """The target runs though nobody waited for it: its reboot came after all, or was somebody else's."""
    if event.guard is not None:
        return fall_back(update, event, now)
    return prove(replace(update, boot_id=event.boot_id), now)


def in_flight(state: Activating | Rebooting | Proving | RollingBack, event: Event) -> Transition:
    """What means nothing once activation has begun: alarms and late words of staging are harmless."""
    if isinstance(event, Woken | Progressed | StageDone | StageFailed):
        return Transition(state)
    return nonsense(state, event)


def pause(attempt: int, rules: Rules) -> timedelta:
    """How long to wait after this attempt: twice as long as after the one before."""
    return rules.growing(rules.retry_after, attempt - 1)


def mark(update: Update, step_: Step, now: datetime) -> Update:
    """Note that a step begins now."""
    return replace(update, marks=(*update.marks, (step_, now)))


def nonsense(state: State, event: Event) -> Transition:
    """Report an event that makes no sense in this state; change nothing (rule 5)."""
    return Transition(state, (ReportNonsense(state.kind, type(event).__name__),))
