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
    from collections.abc import Mapping, Sequence

_LAUNCHER = Path(__file__).with_name("launcher.py")
_WORDS_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one program, or of several one after the other.

    Attributes:
        wall_s: from start to end, seconds.
        cpu_s: of all its processes, seconds.
        peak_mib: resident memory of the largest of its processes at its peak, MiB.
        together_mib: memory of all its processes at their common peak, as far as samples saw it, MiB; shared
            pages count once. None where nobody asked for it.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    together_mib: float | None = None

    def then(self, other: Cost) -> Cost:
        """Both, one after the other."""
        sums = [each.together_mib for each in (self, other) if each.together_mib is not None]
        return Cost(
            self.wall_s + other.wall_s,
            self.cpu_s + other.cpu_s,
            max(self.peak_mib, other.peak_mib),
            max(sums, default=None),
        )


def read(result: Path) -> Cost:
    """What the launcher wrote down."""
    return Cost(**json.loads(result.read_text()))


def command(result: Path, argv: Sequence[str], *, together: bool = False) -> list[str]:
    """The command that runs a program, by its full path, and writes down what it cost."""
    how = ["--all"] if together else []
    return [sys.executable, "-I", "-S", str(_LAUNCHER), *how, str(result), *argv]


def run(
    argv: Sequence[str],
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    together: bool = False,
) -> Cost:
    """Run a program and say what it cost.

    Args:
        argv: its full path, and its arguments.
        cwd: where it runs.
        environment: all of its environment; the bench's own, if None.
        together: whether the memory of all its processes together is asked for.

    Raises:
        RuntimeError: it failed; with its last words.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "cost.json"
        words = command(result, argv, together=together)
        done = subprocess.run(words, capture_output=True, check=False, cwd=cwd, env=environment)
        if done.returncode:
            words_said = done.stderr.decode(errors="replace")[-_WORDS_BYTES:]
            raise RuntimeError(f"{Path(argv[0]).name} ended with {done.returncode}: {words_said}")
        return read(result)
