"""The loop breaker: a step in which the agent dies again and again is not begun for ever. PURE.

A life counts against a step when it ended before the step's command was answered: the agent was killed, or
the host lost power or crashed. While switching and going back any end counts, an orderly one too: there the
host's own hooks run, and one of them may be what ends the agent. What is answered sets the count back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate_agent.model import Failure
from tidegate_agent.update.states import Activating, Proving, Rebooting, RollingBack, Staging, State
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.machine.rules import Rules
    from tidegate_agent.update.events import Restarted


def counted(state: State, event: Restarted) -> State:
    """The state with the life that has just ended held against its step, if it ended in the middle of it."""
    match state:
        case Staging() | Rebooting() | Proving(checking=True) if event.crashed:
            return replace(state, lives=state.lives + 1)
        case RollingBack(asking=True, pending=True):
            # The reboot that was asked for ends a life too, and so does a person who restarts the agent.
            came = event.boot_id != state.update.boot_id
            return state if came or not event.crashed else replace(state, lives=state.lives + 1)
        case Activating(asking=True) | RollingBack(asking=True):
            return replace(state, lives=state.lives + 1)
    return state


def worn_out(state: Staging | Activating | Rebooting | Proving | RollingBack, rules: Rules) -> Failure | None:
    """Why the step is given up; None as long as it may be begun once more."""
    if state.lives < rules.lives:
        return None
    reason = f"the agent did not live through this step ({state.kind}), {state.lives} times in a row"
    return Failure(Code.AGENT_KILLED, reason)
