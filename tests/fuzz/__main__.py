"""`./dev fuzz`: looks for inputs that break an invariant of a reader (tests/fuzz/targets/).

exit status: 0 when nothing was found, 1 with a finding, 2 when asked for something that is not there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.fuzz import campaign, merging
from tests.fuzz.catalogue import FOLDER, TARGETS, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fuzz.campaign import Outcome


def main(argv: Sequence[str] | None = None) -> int:
    """Do what is asked for; the exit status."""
    options = _parser().parse_args(argv)
    console = Console(highlight=False, soft_wrap=True)
    targets = [TARGETS[name] for name in options.only or TARGETS]
    if options.replay:
        return _replay(console, options.replay)
    if options.merge:
        for target in targets:
            count, size = merging.merge(target)
            console.print(f"{target.name}: {count} inputs, {size / 1024:.1f} KiB")
        return 0
    outcomes = campaign.run(targets, options.seconds)
    console.print(_table(outcomes))
    for outcome in outcomes:
        _tell(console, outcome)
    return int(any(outcome.words for outcome in outcomes))


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table("target", "seconds", "inputs", "inputs/s", "edges at first", "edges", "findings")
    for each in outcomes:
        rate = each.runs / each.seconds
        numbers = (each.seconds, each.runs, round(rate), each.covered_first, each.covered, len(each.found))
        table.add_row(each.target, *map(str, numbers))
    return table


def _tell(console: Console, outcome: Outcome) -> None:
    if outcome.words:
        console.print(f"\n{outcome.target}:", style="bold red")
        console.print(outcome.words, markup=False)
    for path in outcome.found:
        console.print(f"the input: {path.relative_to(Path.cwd())}", markup=False)
        console.print(f"once more: ./dev fuzz --replay {path.relative_to(Path.cwd())}", markup=False)


def _replay(console: Console, path: Path) -> int:
    """One input through its target, which its folder names, with the traceback if it breaks."""
    target: Target | None = TARGETS.get(path.resolve().parent.name)
    if target is None:
        console.print(f"{path} lies in no folder that is named after a target: {', '.join(TARGETS)}")
        return 2
    target.load()(path.read_bytes())
    console.print(f"{path}: every invariant of {target.name} holds")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev fuzz", description="Fuzz what reads bytes from outside.")
    parser.add_argument("seconds", nargs="?", type=_seconds, default=60, help="for all together (60)")
    parser.add_argument("--only", nargs="+", choices=list(TARGETS), metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument(
        "--merge", action="store_true", help=f"keep in {FOLDER.name}/corpus what adds coverage"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="one input, without atheris")
    return parser


def _seconds(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
