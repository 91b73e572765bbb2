"""What every test shares: the rule for real programs, and no stop watch."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Nothing is a fault for being slow on a busy machine. (Hypothesis knows CI by itself: no deadline there.)
if not os.environ.get("CI"):
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")


# A shell without job control lets what it starts with `&` ignore Ctrl-C, and all that starts from there too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def find_program(name: str) -> str | None:
    """The path of a program: on PATH, where Debian keeps daemons and PostgreSQL, or from a wheel."""
    places = [os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", str(Path(sys.executable).parent)]
    places += sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    return shutil.which(name, path=os.pathsep.join(places))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A real component that is missing is a skip on a laptop and a failure in CI."""
    for mark in item.iter_markers("real"):
        if find_program(mark.args[0]) is None:
            message = f"{mark.args[0]} is not installed"
            if os.environ.get("CI"):
                pytest.fail(message)
            pytest.skip(message)
