"""Several servers that should say the same: ask them in order, and again with pauses while there is hope."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.pacing import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_wire.registry.pacing import Pacing
    from tidegate_wire.registry.session import EndpointSession

_Answer = TypeVar("_Answer")


def first_answer(
    sessions: Sequence[EndpointSession],
    ask: Callable[[EndpointSession], _Answer],
    pacing: Pacing,
    what: str,
) -> _Answer:
    """The first good answer.

    A server that says no for good (not found, not authorised, wrong content) is not asked again; one whose
    failure may pass is, after a pause. When all say no, the last one's reason counts: it is the primary
    location.

    Args:
        sessions: at least one, in the order to ask.
        ask: puts the question to one of them.
        pacing: limits, and how to wait.
        what: names the thing for a person.

    Raises:
        TidegateError: the primary location's refusal, or IMAGE_UNREACHABLE.
    """
    hopeful = list(sessions)
    refusals: dict[EndpointSession, TidegateError] = {}
    reasons: dict[EndpointSession, str] = {}
    for attempt in range(1, pacing.limits.attempts + 1):
        longest: float | None = None
        for session in list(hopeful):
            try:
                return ask(session)
            except TransientError as error:
                reasons[session] = error.reason
                longest = max(longest or 0.0, error.retry_after or 0.0)
            except TidegateError as error:
                refusals[session] = error
                hopeful.remove(session)
        if not hopeful:
            raise refusals[sessions[-1]]
        if attempt < pacing.limits.attempts:
            pacing.pause(attempt, longest)
    told = "; ".join(
        [reasons[session] for session in hopeful] + [error.reason for error in refusals.values()]
    )
    raise TidegateError(Code.IMAGE_UNREACHABLE, f"cannot fetch {what}: {told}")
