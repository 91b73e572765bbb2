"""`./dev bench`: measures, prints a table, and writes JSON or Markdown if asked to. It asserts nothing.

exit status: 0, or 1 when something could not be measured for a reason other than a missing program.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tests.bench import daemon, endurance, engines, latency, machine, refusals, report, staging, verification
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.scale import measures as scale
from tests.bench.scale import page, update
from tidegate_publisher.devstack.sigstore import LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PARTS: dict[str, Callable[[Effort], Iterator[Figure]]] = {
    "latency": latency.measure,
    "idle": daemon.idle,
    "start": daemon.start_up,
    "verification": verification.measure,
    "refusals": refusals.measure,
    "endurance": endurance.measure,
    "staging": staging.measure,
    "engines": engines.measure,
    "scale": scale.measure,
}
SLOW = {"staging", "engines", "scale"}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is asked for; the exit status."""
    options = _parser().parse_args(argv)
    names = [*options.parts, *(options.only or ())] or [
        name for name in PARTS if not (options.quick and name in SLOW)
    ]
    console, progress = Console(width=_width()), Console(stderr=True)
    facts = machine.facts()
    for name, value in facts.items():
        console.print(f"{name}: {value}", highlight=False)
    parts: dict[str, list[Figure]] = {}
    broken = False
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        sigstore = LocalSigstore.create()
        for name in names:
            place = Path(folder) / name
            place.mkdir()
            effort = Effort(
                place, options.cache or Path(folder), sigstore, options.runs, options.quick, options.hosts
            )
            with progress.status(f"measuring: {name}"):
                parts[name], failed = _measured(name, effort)
            broken = broken or failed
            for table in report.tables(name, parts[name]):
                console.print(table)
    if options.json:
        options.json.write_text(report.to_json(facts, parts), encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(_markdown(facts, parts, sigstore), encoding="utf-8")
    if options.into:
        page.replace_block(options.into, _markdown(facts, parts, sigstore))
    return int(broken)


def _markdown(facts: dict[str, str], parts: dict[str, list[Figure]], sigstore: LocalSigstore) -> str:
    """The tables; of a fleet at scale also what follows from them."""
    text = report.markdown(facts, parts)
    return text + page.arithmetic(parts["scale"], update.words(sigstore)) if "scale" in parts else text


def _measured(name: str, effort: Effort) -> tuple[list[Figure], bool]:
    """The figures of a part, and whether it broke: the others are measured nevertheless."""
    figures: list[Figure] = []
    try:
        figures.extend(PARTS[name](effort))
    except Exception as error:  # noqa: BLE001 - as the docstring says
        traceback.print_exc()
        return [*figures, Figure(name, "", missing=str(error) or type(error).__name__)], True
    return figures, False


def _width() -> int | None:
    """Tables that are not shown on a terminal are not broken at 80 columns."""
    return None if sys.stdout.isatty() else 140


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure tidegate on this machine.")
    parser.add_argument("parts", nargs="*", type=_part, metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="less of everything and no staging: one minute")
    parser.add_argument("--only", nargs="+", type=_part, metavar="NAME", help="the same")
    parser.add_argument("--runs", type=_count, metavar="N", help="how often, instead of each part's default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a table for the docs there")
    parser.add_argument("--into", type=Path, metavar="FILE", help="put it into that page, between its marks")
    parser.add_argument("--hosts", type=_count, metavar="N", help="how many, of a simulated fleet")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep the Debian images there between runs")
    return parser


def _part(text: str) -> str:
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(PARTS)}")
    return text


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
