"""Every state with every fault: `python -m tests.faults`, or `./dev test faults --all`.

Exit status 1 when something failed or is uncovered.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from typing import TYPE_CHECKING, Final

from loguru import logger

from tests.faults import suites
from tests.faults.extent import VARIABLE
from tests.faults.kills import campaign
from tests.faults.kills.campaign import Tally
from tests.faults.kills.report import Report, table

if TYPE_CHECKING:
    from collections.abc import Sequence

PROCESSES: Final = 2
"""Worlds that are played at once."""


def main() -> int:
    """Play, print, and say whether all is well."""
    options = _options()
    logger.remove()
    if options.all:
        os.environ[VARIABLE] = "all"
    began = time.monotonic()
    if options.only is not None and "#" in options.only:
        return _replay(options.only)
    tally = _play(options.only or "")
    others = [suites.run(name) for name in suites.names()] if options.all else []
    report = Report(tally, others, time.monotonic() - began)
    text = json.dumps(report.document(), indent=1) if options.json else table(report)
    sys.stdout.write(text + "\n")
    return 0 if report.ok else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--all", action="store_true", help="everything, and all other suites of faults")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--only", metavar="WORD", help="worlds with this in their name, or one run of one")
    return parser.parse_args()


def _play(word: str) -> Tally:
    worlds = campaign.every_world()
    chosen = [place for place, world in enumerate(worlds) if word in world.name]
    tally = Tally()
    # A fork has this process's worlds: they are told apart by identity.
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        for done, part in enumerate(pool.imap_unordered(_one, chosen, chunksize=1), start=1):
            tally.add(part)
            if done % 25 == 0 or done == len(chosen):
                sys.stderr.write(f"{done} of {len(chosen)} worlds, {tally.played} runs\n")
    return tally


def _one(place: int) -> Tally:
    return campaign.campaign(campaign.every_world()[place])


def _replay(name: str) -> int:
    """Play one run alone, and say what is wrong with it."""
    problems = _problems(campaign.named(name))
    sys.stdout.write("\n".join(problems or ["nothing is wrong"]) + "\n")
    return 1 if problems else 0


def _problems(runs: Sequence[campaign.Run]) -> list[str]:
    if not runs:
        return ["there is no such run"]
    return [problem for run in runs for problem in campaign.carry_out(run, Tally())]


if __name__ == "__main__":
    sys.exit(main())
