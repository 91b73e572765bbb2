"""Bars and curves as numbers for SVG. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from tidegate_fleet.standing import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate_fleet.web.answers.releases import AdoptedAnswer

ORDER: Final = (
    *(Phase.SUCCEEDED, Phase.ACTIVATING, Phase.STAGING, Phase.WAITING),
    *(Phase.PENDING, Phase.SKIPPED, Phase.FAILED),
)
"""From left to right: the way through a release; failures stand at the end, apart."""


_LEAST: Final = 0.8
_HEIGHT: Final = 100.0
_TICKS: Final = 4


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar: place and width in percent of it."""

    phase: Phase
    hosts: int
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The curve of adoption, in a field of 100 by 100 with its origin at the top left.

    Attributes:
        area: the path around what is below the curve of successes.
        succeeded: the path of that curve.
        failed: the path of the curve of failures.
        ticks: moments below it, evenly apart from edge to edge.
        top: hosts at its upper edge.
    """

    area: Markup
    succeeded: Markup
    failed: Markup
    ticks: tuple[datetime, ...]
    top: int


def segments(counts: Mapping[Phase, int]) -> tuple[Segment, ...]:
    """The parts of a bar. One host of fifty thousand is seen, too: no part is narrower than that."""
    there = [(phase, counts.get(phase, 0)) for phase in ORDER if counts.get(phase, 0) > 0]
    total = sum(hosts for _, hosts in there)
    wide = [max(100 * hosts / total, _LEAST) for _, hosts in there]
    scale = 100 / sum(wide) if wide else 1.0
    parts: list[Segment] = []
    left = 0.0
    for (phase, hosts), width in zip(there, wide, strict=True):
        parts.append(Segment(phase, hosts, round(left, 3), round(width * scale, 3)))
        left += width * scale
    return tuple(parts)


def chart(points: Sequence[AdoptedAnswer], hosts: int) -> Chart | None:
    """The curve through these points; None when there is none yet.

    Args:
        points: the oldest first.
        hosts: how many the release is for: its upper edge, unless more than that came to an end.
    """
    ends = points[-1].succeeded + points[-1].failed if points else 0
    if not ends:
        return None
    begin, end = points[0].at, points[-1].at
    span = max((end - begin).total_seconds(), 1.0)
    top = max(hosts, ends)
    done = [(_x(point, begin, span), _HEIGHT * (1 - point.succeeded / top)) for point in points]
    failed = [(_x(point, begin, span), _HEIGHT * (1 - point.failed / top)) for point in points]
    return Chart(
        area=_markup(f"M0 {_HEIGHT:g}{_line(done)}L100 {_HEIGHT:g}Z"),
        succeeded=_markup(f"M{_line(done)[1:]}"),
        failed=_markup(f"M{_line(failed)[1:]}"),
        ticks=tuple(begin + (end - begin) * step / (_TICKS - 1) for step in range(_TICKS)),
        top=top,
    )


def _markup(path: str) -> Markup:
    return Markup(path)  # noqa: S704 -- letters and numbers made here; text would be cut where reasons are


def _x(point: AdoptedAnswer, begin: datetime, span: float) -> float:
    return 100 * (point.at - begin).total_seconds() / span


def _line(places: Sequence[tuple[float, float]]) -> str:
    return "".join(f"L{x:.2f} {y:.2f}" for x, y in places)
