"""What counts of one host, and what is kept of one wave. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tidegate_fleet.standing import Phase
from tidegate_publisher.rollout.groups import Membership

_AFTER_ACTIVATION: Final = frozenset({Phase.ACTIVATING, Phase.SUCCEEDED})


@dataclass(frozen=True, slots=True)
class Seat:
    """What counts of one host; `since` is when we heard of the step of an activation that it is at."""

    wave: str
    phase: Phase
    online: bool
    admitted: bool
    groups: tuple[Membership, ...]
    since: datetime | None = None

    @property
    def absent(self) -> bool:
        """Whether it is offline and has said nothing of the release."""
        return self.phase is Phase.PENDING and not self.online

    @property
    def busy(self) -> bool:
        """Whether it uses up a budget: who has begun does so, whatever is announced by now."""
        return self.phase is Phase.ACTIVATING or (self.admitted and not self.phase.final)

    @property
    def queued(self) -> bool:
        """Whether its wave has not admitted it, and it has not begun all the same."""
        return not (self.admitted or self.phase.final or self.phase is Phase.ACTIVATING)

    @property
    def away(self) -> bool:
        """Whether it succeeded and is offline now."""
        return self.phase is Phase.SUCCEEDED and not self.online

    @property
    def gone(self) -> bool:
        """Whether it went offline after activation."""
        return self.phase in _AFTER_ACTIVATION and not self.online


@dataclass(slots=True)
class Bench:
    """One wave: hosts by phase; those under way and those gone, each with when that began.

    Times are in what the run has listened so far, see `tally.Tally.listen`.
    """

    phases: Counter[Phase] = field(default_factory=Counter)
    absent: int = 0
    under_way: dict[str, timedelta] = field(default_factory=dict)
    away: int = 0
    queued: int = 0
    gone: dict[str, timedelta] = field(default_factory=dict)
    outside: list[tuple[float, str]] | None = None
