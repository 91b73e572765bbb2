"""How values spread: quantiles, and a curve of hosts over time with few enough points to draw. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

POINTS: Final = 1000
"""Points of a curve, at most. With n hosts it is nowhere further from the truth than n / POINTS hosts."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Seconds by nearest rank (each of them is some host's own): the least, quarters, the tail, the most."""

    count: int
    least: float
    q25: float
    median: float
    q75: float
    q90: float
    q99: float
    most: float


def quantiles(ordered: Sequence[float]) -> Quantiles | None:
    """Quantiles of values in ascending order; None when there are none."""
    if not ordered:
        return None
    return Quantiles(
        count=len(ordered),
        least=ordered[0],
        q25=rank(ordered, 0.25),
        median=rank(ordered, 0.5),
        q75=rank(ordered, 0.75),
        q90=rank(ordered, 0.9),
        q99=rank(ordered, 0.99),
        most=ordered[-1],
    )


def rank(ordered: Sequence[float], share: float) -> float:
    """The least value that at least this share (0 < share <= 1) of the values does not exceed."""
    # Rounded first: 0.9 * 10 is a little more than nine in binary, for some shares.
    return ordered[max(0, ceil(round(share * len(ordered), 9)) - 1)]


@dataclass(frozen=True, slots=True)
class Curve:
    """Hosts over time, as steps: from each point's moment on so many, until the next.

    Attributes:
        points: seconds since the beginning, rising; and hosts so far, rising. The last is the whole number.
    """

    points: tuple[tuple[float, int], ...] = ()

    @property
    def hosts(self) -> int:
        """How many in the end."""
        return self.points[-1][1] if self.points else 0


def curve(ordered: Sequence[float], most: int = POINTS) -> Curve:
    """The curve of moments in ascending order, thinned evenly by hosts to `most` points, both ends kept."""
    number = len(ordered)
    if not number:
        return Curve()
    kept = range(number) if number <= most else _evenly(number, most)
    points: dict[float, int] = {}
    for index in kept:
        # Several at one moment are one step; the later one counts more hosts.
        points[ordered[index]] = index + 1
    return Curve(tuple(points.items()))


def _evenly(number: int, most: int) -> list[int]:
    return [round(place * (number - 1) / (most - 1)) for place in range(most)]
