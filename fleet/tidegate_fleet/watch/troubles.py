"""What goes wrong, in rows: failures by code, silent hosts. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.phrases import clock, hosts
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch.plain import distance, plain, span
from tidegate_fleet.watch.roster import Filter
from tidegate_fleet.watch.rows import SIGNS, Row, Tone, indented, row, title, wrapped
from tidegate_schemas.codes import REGISTRY

if TYPE_CHECKING:
    from tidegate_fleet.watch.picture import FailureLine, Picture, SilentHost

_REASONS: Final = 2
_REMEDIES: Final = 2
_SILENT: Final = 5


def failures(picture: Picture, width: int) -> list[Row]:
    """Why hosts failed: each code with its newest reason and what to do."""
    if not picture.failures:
        return [title("FAILURES"), row(("  none", Tone.DIM))]
    rows = [title("FAILURES")]
    for failure in picture.failures:
        rows += _failure(failure, picture, width)
    return rows


def _failure(failure: FailureLine, picture: Picture, width: int) -> list[Row]:
    newest = "" if failure.newest is None else f"  newest {clock(failure.newest, picture.now)}"
    head = row(
        (f"  {SIGNS[Phase.FAILED]} {failure.name:<24}", Tone.BAD),
        f"{hosts(failure.hosts):>14}",
        (newest, Tone.DIM),
        key=f"failure {failure.name}",
        leads=Filter(failed=failure.name),
    )
    told = wrapped(failure.reason or "no reason was given", width - 6)[:_REASONS]
    remedy = "" if failure.code is None else f"do: {plain(REGISTRY[failure.code].remedy)}"
    advice = wrapped(remedy, width - 6)[:_REMEDIES] if remedy else []
    return [
        head,
        *(indented(indented(row(line))) for line in told),
        *(indented(indented(row((line, Tone.DIM)))) for line in advice),
    ]


def silent(picture: Picture) -> list[Row]:
    """Hosts that began to activate and came no further."""
    if not picture.silent_hosts:
        return [title("SILENT"), row(("  none", Tone.DIM))]
    head = row(
        ("  ? ", Tone.WARN),
        f"{hosts(picture.silent_hosts)} began to activate and came no further",
        key="silent",
        leads=Filter(silent=True),
    )
    rows = [
        row(
            f"    {one.name:<24}",
            (_silence(one, picture), Tone.DIM),
            key=f"silent {one.name}",
            leads=one.name,
        )
        for one in picture.silent[:_SILENT]
    ]
    return [title("SILENT"), head, *rows]


def _silence(one: SilentHost, picture: Picture) -> str:
    stuck = span(picture.now - one.since)
    return f"{one.step.value} for {stuck}, last heard {distance(one.heard, picture.now)}"
