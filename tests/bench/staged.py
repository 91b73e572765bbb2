"""What staging an image took, and what is said of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests.bench.cost import Cost
from tests.bench.figure import Figure, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PHASES = ("fresh", "update of 2 % of files")
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Staged:
    """What one tool needed for one image.

    Attributes:
        cost: time, processor, memory.
        wire: bytes that the servers' processes wrote, headers and a few lines of their logs included.
        disk: bytes by which the tool's directory grew.
    """

    cost: Cost
    wire: int
    disk: int


Results = dict[tuple[str, str], list[Staged]]
"""By tool and phase."""


class Aspect(NamedTuple):
    """One side of it: how to read it, the project's target for it, and for the ratio to another tool's."""

    name: str
    unit: str
    of: Callable[[Staged], float]
    target: str = ""
    ratio_target: str = ""


def together(staged: Staged) -> float:
    """Memory of all processes; of the largest one where nobody looked at all of them."""
    seen = staged.cost.together_mib
    return staged.cost.peak_mib if seen is None else seen


ASPECTS = (
    Aspect("wall time", "s", lambda staged: staged.cost.wall_s, "", "<= 0.6"),
    Aspect("CPU time", "s", lambda staged: staged.cost.cpu_s),
    Aspect("peak RSS", "MiB", lambda staged: staged.cost.peak_mib, "<= 64"),
    Aspect("bytes over the wire", "MiB", lambda staged: staged.wire / _MIB, "", "<= 1"),
    Aspect("disk grown", "MiB", lambda staged: staged.disk / _MIB),
)
"""What is told of one tool beside another."""

ENGINE_ASPECTS = (
    Aspect("wall time", "s", lambda staged: staged.cost.wall_s),
    Aspect("CPU time", "s", lambda staged: staged.cost.cpu_s),
    Aspect("peak RSS", "MiB", lambda staged: staged.cost.peak_mib),
    Aspect("peak of all", "MiB", together),
    Aspect("wire", "MiB", lambda staged: staged.wire / _MIB),
    Aspect("disk grown", "MiB", lambda staged: staged.disk / _MIB),
)
"""What is told of each engine."""


def pair(phase: str, ours: str, theirs: str, results: Results) -> Iterator[Figure]:
    """Each aspect of two tools, one below the other, and their ratio."""
    for what, unit, of, target, ratio_target in ASPECTS:
        mine, other = (tuple(map(of, results[name, phase])) for name in (ours, theirs))
        yield Figure(f"{phase}: {what}, {ours}", unit, mine, target)
        yield Figure(f"{phase}: {what}, {theirs}", unit, other)
        yield ratio(f"{phase}: {what}, ratio", mine, other, ratio_target)


def lines(phase: str, ours: str, others: Sequence[str], results: Results) -> Iterator[Figure]:
    """A line of a grid for each tool, and one for the ratio of ours to each of the others."""
    for name in (ours, *others):
        for aspect in ENGINE_ASPECTS:
            values = tuple(map(aspect.of, results[name, phase]))
            yield _cell(phase, name, aspect, Figure("", aspect.unit, values))
    for name in others:
        for aspect in ENGINE_ASPECTS:
            mine, other = (tuple(map(aspect.of, results[each, phase])) for each in (ours, name))
            yield _cell(phase, f"{ours} : {name}", aspect, ratio("", mine, other))


def _cell(phase: str, name: str, aspect: Aspect, figure: Figure) -> Figure:
    line, column = f"{phase}: {name}", f"{aspect.name}, {aspect.unit}"
    said = f"{phase}: {aspect.name}, {name}"
    return Figure(said, figure.unit, figure.values, missing=figure.missing, line=line, column=column)
