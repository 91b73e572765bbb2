"""The matrix as a table for people, and as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.kills.campaign import Tally
from tests.faults.kills.machine import edges
from tests.faults.kills.matrix import COLUMNS, CellReport, Standing, matrix
from tests.faults.kills.unreachable import UNREACHABLE_EDGES
from tests.faults.kills.worlds import KINDS
from tests.faults.suites import Suite

SHOWN: Final = 3
"""Failures that are shown of each cell."""

NOTHING: Final = ("any", "nothing")


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told at the end."""

    tally: Tally
    suites: Sequence[Suite]
    seconds: float

    @property
    def cells(self) -> list[CellReport]:
        """The whole matrix."""
        return list(matrix(self.tally))

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing is uncovered."""
        standings = Counter(cell.standing for cell in self.cells)
        wrong = standings[Standing.FAILED] + standings[Standing.UNCOVERED]
        undisturbed = self.tally.failures.get(NOTHING)
        return not (wrong or undisturbed or self.edges["uncovered"] or any(s.failed for s in self.suites))

    @property
    def edges(self) -> dict[str, Any]:
        """Which edges of the machine were taken, and which were not."""
        every = edges()
        excused = {edge: why for edge, why in UNREACHABLE_EDGES.items() if edge not in self.tally.taken}
        left = sorted(every - self.tally.taken - set(excused))
        return {
            "all": len(every),
            "taken": len(every & self.tally.taken),
            "uncovered": [list(edge) for edge in left],
            "unreachable": [[*edge, why] for edge, why in sorted(excused.items())],
        }

    def document(self) -> dict[str, Any]:
        """All of it, for JSON."""
        cells, standings = self.cells, Counter(cell.standing for cell in self.cells)
        counts = {standing.value: standings[standing] for standing in Standing}
        return {
            "cells": [_cell(cell) for cell in cells],
            "counts": {**counts, "runs": self.tally.played},
            "edges": self.edges,
            "undisturbed": self.tally.failures.get(NOTHING, {}),
            "suites": [suite.document() for suite in self.suites],
            "seconds": round(self.seconds, 1),
        }


def _cell(cell: CellReport) -> dict[str, Any]:
    found: dict[str, Any] = {"state": cell.state, "fault": cell.fault, "status": cell.standing.value}
    if cell.runs:
        found["runs"] = cell.runs
    if cell.reason:
        found["reason"] = cell.reason
    if cell.failures:
        found["failures"] = dict(list(cell.failures.items())[:SHOWN])
        found["failed_runs"] = len(cell.failures)
    return found


def table(report: Report) -> str:
    """All of it, for people: a row for each fault, a column for each state."""
    cells = {(cell.state, cell.fault): cell for cell in report.cells}
    width = max(len(fault) for fault in COLUMNS)
    lines = [" " * width + "".join(f" {kind[:9]:>9}" for kind in KINDS)]
    for fault in COLUMNS:
        marks = "".join(f" {_mark(cells[kind, fault]):>9}" for kind in KINDS)
        lines.append(f"{fault:<{width}}{marks}")
    return "\n".join([*lines, "", *_summary(report)])


def _mark(cell: CellReport) -> str:
    match cell.standing:
        case Standing.COVERED:
            return str(cell.runs)
        case Standing.FAILED:
            return f"FAILED {len(cell.failures)}"
        case Standing.UNCOVERED:
            return "?"
        case Standing.IMPOSSIBLE:
            return "-"


def _summary(report: Report) -> list[str]:
    document = report.document()
    counts, found = document["counts"], document["edges"]
    cells = ", ".join(f"{counts[standing.value]} {standing.value}" for standing in Standing)
    lines = [
        f"cells: {cells} (uncovered ?, impossible -)",
        f"{counts['runs']} runs in {document['seconds']} s",
        f"{found['taken']} of {found['all']} edges of the machine taken",
    ]
    lines += [f"uncovered edge: {state}, {event}" for state, event in found["uncovered"]]
    lines += [f"cannot be reached: {state}, {event}: {why}" for state, event, why in found["unreachable"]]
    lines += [f"FAILED undisturbed: {name}: {why}" for name, why in document["undisturbed"].items()]
    lines += [line for cell in report.cells for line in _failures(cell)]
    lines += [suite.line for suite in report.suites]
    return lines


def _failures(cell: CellReport) -> list[str]:
    shown = list(cell.failures.items())[:SHOWN]
    head = f"FAILED {cell.state} x {cell.fault}: {len(cell.failures)} of {cell.runs} runs"
    return [head, *(f"  {again(name)}\n    {why}" for name, why in shown)] if shown else []


def again(name: str) -> str:
    """The line that plays one run alone."""
    return f"python -m tests.faults --only {name!r}"
