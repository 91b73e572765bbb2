"""The figures as a table for a terminal, as Markdown for docs/performance.md, and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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


def table(title: str, figures: Iterable[Figure]) -> Table:
    """For a terminal."""
    made = Table(title=title, title_justify="left")
    for index, name in enumerate(COLUMNS):
        made.add_column(name, justify="left" if _is_words(index) else "right")
    for figure in figures:
        made.add_row(*row(figure))
    return made


def markdown(facts: Mapping[str, str], parts: Mapping[str, Sequence[Figure]]) -> str:
    """One table, to paste into docs/performance.md."""
    lines = [f"{name}: {value}  " for name, value in facts.items()]
    marks = [":--" if _is_words(index) else "--:" for index in range(len(COLUMNS))]
    lines += ["", _line(COLUMNS), _line(marks)]
    lines += [_line(row(figure)) for figures in parts.values() for figure in figures]
    return "\n".join(lines) + "\n"


def to_json(facts: Mapping[str, str], parts: Mapping[str, Sequence[Figure]]) -> str:
    """For programs: every single value is there."""
    figures = {part: [each.to_dict() for each in figures] for part, figures in parts.items()}
    return json.dumps({"machine": dict(facts), "figures": figures}, indent=2) + "\n"


def _is_words(column: int) -> bool:
    return column < _LEFT or COLUMNS[column] == "target"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
