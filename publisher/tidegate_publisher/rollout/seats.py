"""What counts of one host, and what is kept of one wave. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tidegate_fleet.standing import Phase
from tidegate_publisher.rollout.groups import Membership

_AFTER_ACTIVATION: Final = frozenset({Phase.ACTIVATING, Phase.SUCCEEDED})


@dataclass(frozen=True, slots=True)
class Seat:
    """What counts of one host."""

    wave: str
    phase: Phase
    online: bool
    admitted: bool
    groups: tuple[Membership, ...]

    @property
    def absent(self) -> bool:
        """Whether it is offline and has said nothing of the release."""
        return self.phase is Phase.PENDING and not self.online

    @property
    def busy(self) -> bool:
        """Whether it uses up a budget."""
        return self.admitted and not self.phase.final

    @property
    def gone(self) -> bool:
        """Whether it went offline after activation."""
        return self.phase in _AFTER_ACTIVATION and not self.online


@dataclass(slots=True)
class Bench:
    """One wave: hosts by phase; those under way and those gone, each with a moment, the oldest first."""

    phases: Counter[Phase] = field(default_factory=Counter)
    absent: int = 0
    under_way: dict[str, datetime] = field(default_factory=dict)
    gone: dict[str, datetime] = field(default_factory=dict)
    outside: list[tuple[float, str]] | None = None
