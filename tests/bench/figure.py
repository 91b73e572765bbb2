"""One measured figure: its values, and what is said of them. Pure."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAIL_FROM = 20
"""Below a hundred values the 99th percentile is the maximum; below this many nobody should be told of one."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that at least this many percent do not exceed."""
    ordered = sorted(values)
    rank = math.ceil(percent / 100 * len(ordered))
    return ordered[max(rank, 1) - 1]


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, once for each run.

    Attributes:
        name: what it is, for a person.
        unit: of the values.
        values: one for each run; empty when it could not be measured.
        target: what the project aims at, in the same unit.
        missing: why there are no values.
        line: of the grid that it is shown in; without one it has a line of its own.
        column: of that grid; for what is missing none is needed.
    """

    name: str
    unit: str
    values: tuple[float, ...] = ()
    target: str = ""
    missing: str = ""
    line: str = ""
    column: str = ""

    @property
    def minimum(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def median(self) -> float:
        """The middle one, or the mean of the two in the middle."""
        return statistics.median(self.values)

    @property
    def maximum(self) -> float:
        """The largest value."""
        return max(self.values)

    @property
    def tail(self) -> float | None:
        """The 99th percentile; None when there are too few values for one."""
        return percentile(self.values, 99) if len(self.values) >= _TAIL_FROM else None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        told: dict[str, Any] = {"name": self.name, "unit": self.unit, "runs": len(self.values)}
        if self.target:
            told["target"] = self.target
        if not self.values:
            return {**told, "not_measured": self.missing}
        summary = {"min": self.minimum, "median": self.median, "p99": self.tail, "max": self.maximum}
        return {**told, **summary, "values": list(self.values)}


def ratio(name: str, ours: Sequence[float], theirs: Sequence[float], target: str = "") -> Figure:
    """How many times theirs ours is, run by run. Of all figures only these carry over to other machines."""
    pairs = zip(ours, theirs, strict=True)
    return Figure(
        name, "x", tuple(mine / other for mine, other in pairs if other), target, "nothing to compare"
    )
