"""Nothing is in progress, or a message is being verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.machine.endings import came_up, go_back, nonsense
from tidegate_agent.update.commands import Transition
from tidegate_agent.update.events import (
    Event,
    Progressed,
    Restarted,
    RollbackRequested,
    StageDone,
    StageFailed,
    Woken,
)
from tidegate_agent.update.states import Outcome, Resting, RollingBack, Settled, Verifying

if TYPE_CHECKING:
    from datetime import datetime


def at_rest(state: Resting, event: Event, now: datetime) -> Transition:
    """Nothing is in progress."""
    match event:
        case Restarted() if isinstance(state, Settled) and _unproven(state, event):
            return came_up(state.update, event, now)
        case Restarted() | Woken() | Progressed() | StageDone() | StageFailed():
            # Old alarms, and the late word of a staging that was cancelled.
            return Transition(state)
        case RollbackRequested(failure, update):
            return go_back(update, failure, now) or nonsense(state, event)
        case _:
            return nonsense(state, event)


def _unproven(state: Settled, event: Restarted) -> bool:
    """Whether the image of an update that had ended came up all the same: a reboot overtook its removal.

    One that a boot loader fell back to is left again by the next boot.
    """
    came = event.image.current == state.update.target.digest != state.update.previous
    passing = event.quarantined or event.image.rollback_queued
    return came and state.outcome in (Outcome.FAILED, Outcome.CANCELLED) and not passing


def verifying(state: Verifying, event: Event, now: datetime) -> Transition:
    """A message is being verified, and nothing else is in progress."""
    match event:
        case Restarted():
            # The message is retained: it comes again with the connection.
            return Transition(state.before)
        case RollbackRequested():
            asked = at_rest(state.before, event, now)
            return asked if isinstance(asked.state, RollingBack) else nonsense(state, event)
        case Woken():
            return Transition(state)
        case _:
            return nonsense(state, event)
