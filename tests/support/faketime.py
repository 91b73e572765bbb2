"""Interpreters to which it is another year, by Debian's libfaketime."""

from __future__ import annotations

import shlex
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
