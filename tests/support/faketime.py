"""Interpreters to which it is another year, by Debian's libfaketime."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.conftest import find_program

if TYPE_CHECKING:
    from pathlib import Path


def python_in(year: str, folder: Path) -> str:
    """The path of a program that is this interpreter, on the second of January of that year.

    A program, and not variables: the agent's child processes are given none.
    """
    faketime = find_program("faketime")
    assert faketime is not None
    words = ["exec", "env", "TZ=UTC", faketime, "-f", f"@{year}-01-02 00:00:00", sys.executable]
    program = folder / f"python-{year}"
    program.write_text(f'#!/bin/sh\n{shlex.join(words)} "$@"\n')
    program.chmod(0o700)
    return str(program)


class SettableClock:
    """A time of day for processes that are started with its `environment`: it can be set while they run.

    The time that passes is not faked.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "faketime"
        self._file.write_text("+0s\n")
        faketime = find_program("faketime")
        assert faketime is not None
        shown = subprocess.run(
            [faketime, "-m", "-f", "+0s", "env"], capture_output=True, text=True, timeout=30, check=True
        )
        words = dict(line.partition("=")[::2] for line in shown.stdout.splitlines())
        self.environment = {
            "LD_PRELOAD": words["LD_PRELOAD"],
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_by(self, seconds: int) -> None:
        """Set it, so many seconds ahead of this machine's, or behind it."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}s\n")
        fresh.replace(self._file)
