"""What passages are held against, and how hosts are spoken of. PURE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.progress import SILENT_AFTER
from tidegate_fleet.report.disclosure import Disclosure
from tidegate_fleet.report.figures import Opening


@dataclass(frozen=True, slots=True)
class Frame:
    """What passages are held against.

    Attributes:
        first: when the release was first heard of.
        now: the present moment.
        openings: when waves opened, in seconds since `first`.
        silent_after: how long an activation may be silent.
        disclosure: how hosts are spoken of.
    """

    first: datetime
    now: datetime
    openings: Mapping[str, Opening] = field(default_factory=dict)
    silent_after: timedelta = SILENT_AFTER
    disclosure: Disclosure = field(default_factory=Disclosure)

    def since(self, moment: datetime) -> float:
        """Seconds since the beginning."""
        return max(0.0, (moment - self.first).total_seconds())

    def is_early(self, wave: str, end: float) -> bool:
        """Whether a host of a wave came to its end before the wave opened."""
        opening = self.openings.get(wave)
        return wave != NO_WAVE and (opening is None or end < opening.at)

    def open_since(self, wave: str) -> float:
        """When hosts of a wave could begin, in seconds since the beginning."""
        opening = self.openings.get(wave)
        return 0.0 if opening is None else opening.at
