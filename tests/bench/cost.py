"""What running a program costs: time, processor and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LAUNCHER = Path(__file__).with_name("launcher.py")
_WORDS_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one program, or of several one after the other.

    Attributes:
        wall_s: from start to end, seconds.
        cpu_s: of all its processes, seconds.
        peak_mib: resident memory of the largest of its processes at its peak, MiB.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float

    def then(self, other: Cost) -> Cost:
        """Both, one after the other."""
        return Cost(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s, max(self.peak_mib, other.peak_mib))


def read(result: Path) -> Cost:
    """What the launcher wrote down."""
    return Cost(**json.loads(result.read_text()))


def command(result: Path, argv: Sequence[str]) -> list[str]:
    """The command that runs a program, by its full path, and writes down what it cost."""
    return [sys.executable, "-I", "-S", str(_LAUNCHER), str(result), *argv]


def run(argv: Sequence[str], cwd: Path | None = None) -> Cost:
    """Run a program and say what it cost.

    Raises:
        RuntimeError: it failed; with its last words.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "cost.json"
        done = subprocess.run(command(result, argv), capture_output=True, check=False, cwd=cwd)
        if done.returncode:
            words = done.stderr.decode(errors="replace")[-_WORDS_BYTES:]
            raise RuntimeError(f"{Path(argv[0]).name} ended with {done.returncode}: {words}")
        return read(result)
