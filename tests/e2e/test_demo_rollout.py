"""`tidegate dev rollout` as a person runs it: a cluster that loses a node, a fleet, a collector, two jobs.

The same with ten thousand hosts is `./dev demo rollout`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_demo import left_behind

pytestmark = pytest.mark.real("nats-server")

TIDEGATE = str(Path(sys.executable).with_name("tidegate"))
HOSTS = 300
ON_A_BUSY_MACHINE_S = 600


def demo(directory: Path) -> tuple[int, dict[str, Any]]:
    words = ["dev", "rollout", "--hosts", str(HOSTS), "--json", "--dir", str(directory)]
    done = subprocess.run(
        [TIDEGATE, *words], capture_output=True, text=True, timeout=ON_A_BUSY_MACHINE_S, check=False
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, document


def test_a_release_is_stopped_in_time_fixed_and_finished(tmp_path: Path) -> None:
    status, told = demo(tmp_path / "demo")
    assert [(check["key"], check["note"]) for check in told["checks"] if not check["observed"]] == []
    assert (status, told["ok"]) == (0, True)
    account = told["account"]
    assert account["created"] == account["acknowledged"] == account["collected"] == account["distinct"]
    # Each host told at least seven steps of the release that went to all, and what it waited for before.
    assert account["created"] > 8 * HOSTS
    assert told["figures"]["connectionsLost"] > 0.2 * HOSTS
    assert (tmp_path / "demo" / "report.html").read_text(encoding="utf-8").startswith("<!")
    assert left_behind(tmp_path) == []
