"""The other suites of faults, run by pytest in full; what each says is read from its JUnit report."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tests.faults.extent import VARIABLE

HERE: Final = Path(__file__).parent
OURS: Final = "kills"
"""Played by the command itself, in full."""


@dataclass(frozen=True, slots=True)
class Suite:
    """How one suite went."""

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float

    @property
    def line(self) -> str:
        """For people."""
        return (
            f"{self.name}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped"
            f" in {self.seconds} s"
        )

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def names() -> list[str]:
    """The folders beside this file that hold tests, but for ours."""
    folders = sorted(each for each in HERE.iterdir() if each.is_dir() and list(each.glob("**/test_*.py")))
    return [each.name for each in folders if each.name != OURS]


def run(name: str) -> Suite:
    """Run one suite with everything it has. A suite that cannot even be collected counts as failed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", str(HERE / name), f"--junit-xml={report}"]
        done = subprocess.run(
            command,
            env={**os.environ, VARIABLE: "all"},
            cwd=HERE.parent.parent,
            stdout=sys.stderr,
            check=False,
        )
        seconds = round(time.monotonic() - began, 1)
        if not report.is_file():
            return Suite(name, 0, 1, 0, seconds)
        return _read(name, report, seconds, failed=done.returncode != 0)


def _read(name: str, report: Path, seconds: float, *, failed: bool) -> Suite:
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - pytest wrote it, a moment ago
    if suite is None:
        return Suite(name, 0, 1, 0, seconds)
    tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    wrong = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    wrong = max(wrong, int(failed))
    return Suite(name, max(0, tests - skipped - wrong), wrong, skipped, seconds)
