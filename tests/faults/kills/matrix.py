"""The matrix: every kind of state with every fault, and how each cell stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tests.faults.kills.campaign import AGAIN, ENDLESS, FOR_EVER
from tests.faults.kills.faults import FAULTS
from tests.faults.kills.machine import CALLED_BY, commanded
from tests.faults.kills.tap import TAPPED, When
from tests.faults.kills.unreachable import UNREACHABLE_CELLS
from tests.faults.kills.worlds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.kills.campaign import Tally


class Standing(StrEnum):
    """How a cell stands."""

    COVERED = "covered"
    UNCOVERED = "uncovered"
    FAILED = "failed"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class CellReport:
    """One cell: `reason` says why it is impossible, `failures` what was wrong, by the name of the run."""

    state: str
    fault: str
    standing: Standing
    runs: int = 0
    reason: str = ""
    failures: dict[str, str] = field(default_factory=dict)


SIDES: Final = (When.BEFORE, When.AFTER)
CALLS: Final = tuple(f"{port}.{call}" for port, calls in TAPPED.items() for call in calls)
DURING: Final = f"{When.DURING} engine.stage"

KILLS: Final = (*(f"{side} {call}" for call in CALLS for side in SIDES), DURING)
ENDS: Final = (
    *(f"{FOR_EVER} {side} {call}" for call in CALLS if call in ENDLESS for side in SIDES),
    f"{FOR_EVER} {DURING}",
)
COLUMNS: Final = (*KILLS, AGAIN, *ENDS, *(fault.name for fault in FAULTS))
"""Every fault, in the order of reports."""


def matrix(tally: Tally) -> Iterator[CellReport]:
    """Every cell."""
    for state in KINDS:
        for fault in COLUMNS:
            yield _cell(tally, state, fault)


def _cell(tally: Tally, state: str, fault: str) -> CellReport:
    runs = tally.runs.get((state, fault), 0)
    failures = tally.failures.get((state, fault), {})
    if failures:
        return CellReport(state, fault, Standing.FAILED, runs, failures=failures)
    if runs:
        return CellReport(state, fault, Standing.COVERED, runs)
    reason = impossible(state, fault)
    standing = Standing.IMPOSSIBLE if reason else Standing.UNCOVERED
    return CellReport(state, fault, standing, reason=reason)


def impossible(state: str, fault: str) -> str:
    """Why a fault cannot come in that state, as far as the machine tells; empty where it can."""
    call = fault.rsplit(maxsplit=1)[-1]
    command = CALLED_BY.get(call)
    if command is not None and command not in COMMANDED[state]:
        return f"nothing in the machine leads to {command} in this state"
    if call == "journal.begin" and state == "verifying":
        return "no journal knows this state: it does not outlive the agent"
    return UNREACHABLE_CELLS.get((state, fault), "")


COMMANDED: Final = commanded()
