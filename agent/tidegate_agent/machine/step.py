"""The one function that moves the machine: it only chooses who answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from tidegate_agent.machine import lives
from tidegate_agent.machine.committed import activating, rebooting
from tidegate_agent.machine.messages import admitted, heard, refused
from tidegate_agent.machine.preparing import staged, staging, waiting
from tidegate_agent.machine.proof import proving, rolling_back
from tidegate_agent.machine.resting import at_rest, verifying
from tidegate_agent.update.commands import Disarm, Discard, Transition
from tidegate_agent.update.events import Admitted, Event, Heard, Known, Refused, Restarted
from tidegate_agent.update.states import (
    Activating,
    Idle,
    Proving,
    Rebooting,
    RollingBack,
    Settled,
    Staged,
    Staging,
    State,
    Verifying,
    Waiting,
)

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.machine.rules import Rules


def step(state: State, event: Event, now: datetime, rules: Rules) -> Transition:
    """One step of the machine. Never raises; never looks at anything but its arguments."""
    return _stand_down(state, event, _step(state, event, now, rules))


def _stand_down(before: State, event: Event, transition: Transition) -> Transition:
    """The boot guard watches from activation until the proof, and never over the way back.

    It may be armed from a life of the agent that nobody remembers: hence at every start, too.
    """
    watched = isinstance(before, Activating | Rebooting | Proving) or isinstance(event, Restarted)
    if not watched or isinstance(transition.state, Activating | Rebooting | Proving):
        return transition
    # What a reboot could still bring up is watched until it is dropped.
    first = tuple(each for each in transition.commands if isinstance(each, Discard))
    then = tuple(each for each in transition.commands if not isinstance(each, Discard))
    return Transition(transition.state, (*first, Disarm(), *then))


def _step(state: State, event: Event, now: datetime, rules: Rules) -> Transition:
    match event:
        case Heard():
            return heard(state, event)
        case Refused():
            return refused(state, event)
        case Known():
            return Transition(state.before if isinstance(state, Verifying) else state)
        case Admitted():
            return admitted(state, event, now)
        case Restarted():
            state = lives.counted(state, event)
    match state:
        case Idle() | Settled():
            return at_rest(state, event, now)
        case Verifying():
            return verifying(state, event, now)
        case Waiting():
            return waiting(state, event, now, rules)
        case Staging():
            return staging(state, event, now, rules)
        case Staged():
            return staged(state, event, now, rules)
        case Activating():
            return activating(state, event, now, rules)
        case Rebooting():
            return rebooting(state, event, now, rules)
        case Proving():
            return proving(state, event, now, rules)
        case RollingBack():
            return rolling_back(state, event, now, rules)
        case _:
            assert_never(state)
