"""What is said of one staging beside another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.cost import Cost
from tests.bench.staged import ENGINE_ASPECTS, PHASES, Results, Staged, lines, pair

if TYPE_CHECKING:
    from tests.bench.figure import Figure

MIB = 1024 * 1024
PHASE = PHASES[0]
RESULTS: Results = {
    ("ours", PHASE): [
        Staged(Cost(2.0, 3.0, 50.0, 80.0), 10 * MIB, 20 * MIB),
        Staged(Cost(4.0, 5.0, 50.0, 82.0), 10 * MIB, 20 * MIB),
    ],
    ("theirs", PHASE): [
        Staged(Cost(4.0, 6.0, 25.0, 40.0), 10 * MIB, 80 * MIB),
        Staged(Cost(16.0, 5.0, 25.0), 10 * MIB, 80 * MIB),
    ],
}


def named(figures: list[Figure]) -> dict[tuple[str, str], tuple[float, ...]]:
    return {(figure.line, figure.column): figure.values for figure in figures}


def test_a_pair_is_told_one_aspect_after_the_other() -> None:
    figures = list(pair(PHASE, "ours", "theirs", RESULTS))
    assert [figure.values for figure in figures[:3]] == [(2.0, 4.0), (4.0, 16.0), (0.5, 0.25)]
    assert [figure.name for figure in figures[:3]] == [
        "fresh: wall time, ours",
        "fresh: wall time, theirs",
        "fresh: wall time, ratio",
    ]
    assert figures[2].target == "<= 0.6"
    assert not any(figure.line for figure in figures)


def test_each_tool_has_a_line_and_so_has_each_ratio() -> None:
    figures = list(lines(PHASE, "ours", ["theirs"], RESULTS))
    assert len(figures) == 3 * len(ENGINE_ASPECTS)
    cells = named(figures)
    assert cells["fresh: ours", "wall time, s"] == (2.0, 4.0)
    assert cells["fresh: theirs", "disk grown, MiB"] == (80.0, 80.0)
    assert cells["fresh: ours : theirs", "wall time, s"] == (0.5, 0.25)
    assert cells["fresh: ours : theirs", "wire, MiB"] == (1.0, 1.0)


def test_names_are_all_different() -> None:
    names = [figure.name for figure in lines(PHASE, "ours", ["theirs"], RESULTS)]
    assert len(set(names)) == len(names)


def test_memory_of_all_processes_is_at_least_the_largest_ones_where_samples_saw_nothing() -> None:
    cells = named(list(lines(PHASE, "ours", ["theirs"], RESULTS)))
    assert cells["fresh: theirs", "peak of all, MiB"] == (40.0, 25.0)
