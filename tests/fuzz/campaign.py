"""Fuzzing all targets within a given time: workers side by side, one for each core, and what came of them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.catalogue import FINDINGS, WORK
from tidegate_schemas import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fuzz.catalogue import Target

_STATUS = re.compile(r"^#(\d+)\s+(\w+)\s+cov: (\d+) ft: (\d+) corp: (\d+)/")
_LAST_WORDS = 40
_FLAGS = (
    f"-max_len={limits.STATEMENT_BYTES + 64}",  # some beyond the cap, to see them refused
    "-timeout=30",  # wall-clock seconds for one input; processor time has a closer cap in worker.py
    "-rss_limit_mb=1024",
    "-print_final_stats=0",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What fuzzing one target came to.

    Attributes:
        target: its name.
        runs: inputs tried.
        seconds: for how long it was asked to.
        covered_first: edges of Python code that the corpus reached at the start.
        covered: edges reached in the end.
        found: inputs that broke an invariant.
        words: the end of what the worker wrote, where it found something or broke.
    """

    target: str
    runs: int
    seconds: int
    covered_first: int
    covered: int
    found: tuple[Path, ...]
    words: str


def run(targets: Sequence[Target], seconds: int) -> list[Outcome]:
    """Fuzz for some seconds of wall-clock time, and a few for the starts of the workers."""
    cores = len(os.sched_getaffinity(0))
    shares = sum(target.share for target in targets)
    longest_first = sorted(targets, key=lambda target: -target.share)
    with ThreadPoolExecutor(cores) as pool:
        running = [
            pool.submit(_fuzz, each, max(1, min(seconds, seconds * cores * each.share // shares)))
            for each in longest_first
        ]
        return [each.result() for each in running]


def _fuzz(target: Target, seconds: int) -> Outcome:
    work, findings = WORK / target.name, FINDINGS / target.name
    for folder in (work, findings, *target.seeds):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(findings.iterdir())
    done = worker(
        target, f"-max_total_time={seconds}", f"-artifact_prefix={findings}/", *_FLAGS, work, *target.seeds
    )
    states = [match for line in done.stdout.splitlines() if (match := _STATUS.match(line))]
    found = tuple(sorted(set(findings.iterdir()) - before))
    words = _last_words(done.stdout) if done.returncode or found else ""
    return Outcome(
        target=target.name,
        runs=int(states[-1][1]) if states else 0,
        seconds=seconds,
        covered_first=next((int(state[3]) for state in states if state[2] == "INITED"), 0),
        covered=int(states[-1][3]) if states else 0,
        found=found,
        words=words,
    )


def _last_words(output: str) -> str:
    """The traceback and the verdict, without the progress before it and the input in hexadecimal."""
    lines = [line for line in output.splitlines() if not line.startswith(("#", "0x", "INFO: "))]
    return "\n".join(lines[-_LAST_WORDS:]) or "the worker ended without a word"


def worker(target: Target, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run libFuzzer on a target to its end; standard output holds all that it said."""
    with tempfile.TemporaryDirectory() as folder:
        # To merge, libFuzzer starts its own program again, which has to be one file.
        program = Path(folder) / "worker"
        words = shlex.join([sys.executable, "-m", "tests.fuzz.worker", target.name, str(program)])
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        program.chmod(0o700)
        return subprocess.run(
            [program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
