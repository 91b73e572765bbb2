"""What of a state of the machine can make a difference later. The rest is left out: states become finite.

`test_canonical.py` shows that nothing is lost by it: a step from what is left leads to the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeVar

from tidegate_agent.machine.rules import Rules
from tidegate_agent.model import Failure, Health
from tidegate_agent.update.events import (
    ActivateFailed,
    Admitted,
    CancelRequested,
    Event,
    Proved,
    Refused,
    Restarted,
    RollbackFailed,
    RollbackRequested,
    StageDone,
    StageFailed,
)
from tidegate_agent.update.states import (
    Idle,
    Outcome,
    RollingBack,
    Settled,
    Staged,
    Staging,
    State,
    Update,
    Verifying,
    Wait,
    Waiting,
)

HERE: Final = "this-boot"
BEFORE: Final = "an-earlier-boot"
"""Of a boot's id only counts whether it is the present one."""

LOW: Final = Rules(stage_attempts=2, reboots=2, lives=2, health_rounds=2)
"""Counters that end soon: what they lead to is the same, only sooner."""

T = TypeVar("T", bound=Failure | None)


class NoDetails(dict[str, str]):
    """An empty dict that can be a part of what is looked up."""

    def __hash__(self) -> int:  # type: ignore[override]  # dict says None: it could change, this one does not
        return 0


NO_DETAILS: Final = NoDetails()


def bare(failure: T) -> T:
    """A failure without its words: the machine reads codes alone."""
    return failure if failure is None else replace(failure, reason="", details=NO_DETAILS)


def canonical(state: State, cap: int = LOW.stage_attempts) -> State:  # noqa: PLR0911 - a row a line
    """The state without what makes no difference; attempts above `cap` count as many as that."""
    match state:
        case Idle():
            return state
        case Verifying():
            before = canonical(state.before, cap)
            assert isinstance(before, Idle | Settled)
            return replace(state, before=before)
        case Settled():
            return replace(state, update=_ended(state, cap), failure=None)
        case Waiting() | Staged():
            return replace(state, update=_update(state.update, cap), wait=_reason(state.wait))
        case Staging():
            return replace(state, update=_update(state.update, cap), percent=0)
        case RollingBack():
            return replace(state, update=_update(state.update, cap), cause=bare(state.cause))
    return replace(state, update=_update(state.update, cap))


def _update(update: Update, cap: int) -> Update:
    return replace(update, attempt=min(update.attempt, cap), bytes_fetched=0, marks=())


def _ended(state: Settled, cap: int) -> Update:
    """Of an update that ended, what it was about; where it went back, also to what.

    All of it where its image may still come up, since it is proven then.
    """
    if state.outcome in (Outcome.FAILED, Outcome.CANCELLED):
        return _update(state.update, cap)
    back = state.update.previous_sequence if state.outcome is Outcome.ROLLED_BACK else 0
    return Update(state.update.target, 1, None, BEFORE, previous_sequence=back)


def _reason(wait: Wait | None) -> Wait | None:
    return None if wait is None else Wait(wait.reason, "")


def bare_event(event: Event) -> Event:  # noqa: PLR0911 - a row a line
    """An event without words and amounts."""
    match event:
        case StageDone():
            return replace(event, bytes_fetched=0)
        case Admitted():
            return replace(event, unfit=bare(event.unfit))
        case Restarted():
            return replace(event, guard=bare(event.guard))
        case Refused() | StageFailed() | ActivateFailed() | RollbackFailed() | CancelRequested():
            return replace(event, failure=bare(event.failure))
        case RollbackRequested():
            return replace(event, failure=bare(event.failure))
        case Proved():
            checks = tuple(replace(check, output="") for check in event.health.checks)
            return replace(event, health=Health(checks))
    return event


def booted(state: State) -> State:
    """The state after another boot: what was this boot is an earlier one now."""
    if isinstance(state, Idle | Settled | Verifying):
        return state
    return replace(state, update=replace(state.update, boot_id=BEFORE))
