"""What others may ask about a state."""

from __future__ import annotations

from typing import assert_never

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
    Update,
    Verifying,
    Waiting,
)


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


def is_committed(state: State) -> bool:
    """Whether activation has begun and the update has not ended: nothing supersedes it, nobody cancels it."""
    return isinstance(state, Activating | Rebooting | Proving | RollingBack)


def blocks_others(state: State, *, to_activate: bool) -> bool:
    """Whether another follow's update has to wait for this one: one at a time on a host."""
    if is_committed(state):
        return True
    return isinstance(state, Staging) and not to_activate
