"""The figures as tables for a terminal, as Markdown for docs/performance.md, and as JSON.

A figure that has a place in a grid is shown there; every other one has a row of its own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tests.bench.figure import Figure

COLUMNS = ("figure", "unit", "runs", "min", "median", "p99", "max", "target")
_LEFT = 2


def number(value: float | None) -> str:
    """Three digits that count; no exponent; a dash for nothing."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    decimals = max(0, 3 - len(str(int(abs(value))))) if abs(value) >= 1 else 3
    return f"{value:.{decimals}f}" if abs(value) >= 0.001 else f"{value:.1g}"


def row(figure: Figure) -> tuple[str, ...]:
    """The cells under COLUMNS; for what was not measured the reason, in place of numbers."""
    if not figure.values:
        return (figure.name, figure.unit, "0", f"not measured: {figure.missing}", "", "", "", figure.target)
    numbers = (figure.minimum, figure.median, figure.tail, figure.maximum)
    shown = tuple(number(each) for each in numbers)
    return (figure.name, figure.unit, str(len(figure.values)), *shown, figure.target)


def cell(figure: Figure | None) -> str:
    """A figure in a grid: its median, and between which values it lies; a dash for nothing."""
    if figure is None or not figure.values:
        return "-"
    if len(figure.values) == 1:
        return number(figure.median)
    return f"{number(figure.median)} ({number(figure.minimum)} to {number(figure.maximum)})"


def grid(figures: Iterable[Figure]) -> tuple[list[str], list[list[str]]]:
    """The head of the grid, and its lines, in the order of the figures. What is missing says why."""
    placed: dict[str, dict[str, Figure]] = {}
    for figure in figures:
        placed.setdefault(figure.line, {})[figure.column] = figure
    columns = list(dict.fromkeys(name for cells in placed.values() for name in cells if name))
    lines = [
        [line, f"not measured: {cells[''].missing}", *[""] * (len(columns) - 1)]
        if "" in cells
        else [line, *(cell(cells.get(name)) for name in columns)]
        for line, cells in placed.items()
    ]
    return ["", *columns], lines


def tables(title: str, figures: Sequence[Figure]) -> Iterator[Table]:
    """For a terminal."""
    rows = [row(figure) for figure in figures if not figure.line]
    if rows:
        yield _table(title, COLUMNS, rows, _is_words)
    head, lines = grid(figure for figure in figures if figure.line)
    if lines:
        yield _table(title, head, lines, lambda column: column == 0)


def markdown(facts: Mapping[str, str], parts: Mapping[str, Sequence[Figure]]) -> str:
    """A table, and one more for what is in a grid, to paste into docs/performance.md."""
    every = [figure for figures in parts.values() for figure in figures]
    lines = [f"{name}: {value}  " for name, value in facts.items()]
    if rows := [row(figure) for figure in every if not figure.line]:
        marks = [":--" if _is_words(index) else "--:" for index in range(len(COLUMNS))]
        lines += ["", *map(_line, (COLUMNS, marks, *rows))]
    head, cells = grid(figure for figure in every if figure.line)
    if cells:
        lines += ["", *map(_line, (head, [":--", *["--:"] * (len(head) - 1)], *cells))]
    return "\n".join(lines) + "\n"


def to_json(facts: Mapping[str, str], parts: Mapping[str, Sequence[Figure]]) -> str:
    """For programs: every single value is there."""
    figures = {part: [each.to_dict() for each in figures] for part, figures in parts.items()}
    return json.dumps({"machine": dict(facts), "figures": figures}, indent=2) + "\n"


def _is_words(column: int) -> bool:
    return column < _LEFT or COLUMNS[column] == "target"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(
    title: str, head: Sequence[str], rows: Iterable[Sequence[str]], is_words: Callable[[int], bool]
) -> Table:
    made = Table(title=title, title_justify="left")
    for index, name in enumerate(head):
        made.add_column(name, justify="left" if is_words(index) else "right")
    for cells in rows:
        made.add_row(*cells)
    return made
