"""The daemon and every other command do without YAML (docs/adr/0013)."""

from __future__ import annotations

import subprocess
import sys

PROBE = """
import sys
from tidegate_agent import cli, wiring
assert cli.main(["--config", "/nonexistent", "check-config"]) == 1
print("yaml" in sys.modules)
assert cli.main(["enrol", "/nonexistent"]) == 1
print("yaml" in sys.modules)
"""


def test_only_enrol_loads_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
