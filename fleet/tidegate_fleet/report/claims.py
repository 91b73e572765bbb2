"""What hosts claim of their time, held against the time that passed by our clock. PURE."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tidegate_fleet.history import Passage

_AWAITED: Final = frozenset(
    {
        *("statement", "hold", "wave", "turn", "metered", "budget", "approval", "snooze", "window", "clock"),
        *("inhibitor", "sessions", "lock", "retry"),
    }
)
_STEPS: Final = {step.value: step for step in Step if not step.final}
OTHER: Final = "other"
_ROUNDING: Final = 60.0


def known_wait(reason: str) -> str:
    """The word of the protocol for what is waited for; `other` for what it does not know."""
    return reason if reason in _AWAITED else OTHER


def bounded(waited_for: Mapping[str, float], passed: float) -> dict[str, float]:
    """Seconds by what was waited for: words of the protocol only, none longer than the time that passed."""
    sums: dict[str, float] = {}
    for reason, seconds in waited_for.items():
        if isfinite(seconds) and seconds > 0:
            word = known_wait(reason)
            sums[word] = min(sums.get(word, 0.0) + seconds, max(0.0, passed))
    return sums


def own_account(passage: Passage, waved: float) -> dict[Step, float] | None:
    """Where a host says that its time went, by step, without what it waited for its wave.

    Args:
        passage: the host's way.
        waved: seconds that it waited for its wave.

    Returns:
        Seconds by step; None when it tells none, or more than passed by our clock, give or take a tenth.
    """
    passed = (end_of(passage) - passage.began).total_seconds()
    told = {_STEPS[step]: seconds for step, seconds in passage.durations.items() if step in _STEPS}
    if not told or any(not isfinite(seconds) or seconds < 0 for seconds in told.values()):
        return None
    if sum(told.values()) > passed * 1.1 + _ROUNDING:
        return None
    if Step.WAITING in told:
        told[Step.WAITING] = max(0.0, told[Step.WAITING] - waved)
    return {step: seconds for step, seconds in told.items() if seconds > 0}


def end_of(passage: Passage) -> datetime:
    """When a host came to its end, or was last heard of."""
    # A host that was through before anybody listened is known by its status; no end of it was heard.
    return passage.ended or passage.standing.since
