"""How updates end, and what all phases share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate_agent.update.commands import Quarantine, Recheck, Report, ReportNonsense, Rollback, Transition
from tidegate_agent.update.states import Outcome, RollingBack, Settled, State, Update
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.model import Failure
    from tidegate_agent.update.events import Event


def settle(update: Update, outcome: Outcome, now: datetime, failure: Failure | None = None) -> Transition:
    """End an update and say how."""
    marked = mark(update, Step(outcome.value), now)
    return Transition(Settled(marked, outcome, failure), (Report(Step(outcome.value), marked, failure),))


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


def mark(update: Update, step_: Step, now: datetime) -> Update:
    """Note that a step begins now."""
    return replace(update, marks=(*update.marks, (step_, now)))


def nonsense(state: State, event: Event) -> Transition:
    """Report an event that makes no sense in this state; change nothing (rule 5)."""
    return Transition(state, (ReportNonsense(state.kind, type(event).__name__),))
