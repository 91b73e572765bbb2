"""`tidegate dev demo` as a person runs it: with the real broker, agent, publisher and local Sigstore."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.real("nats-server")

TIDEGATE = str(Path(sys.executable).with_name("tidegate"))


def demo(directory: Path, *options: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [TIDEGATE, "dev", "demo", "--json", "--dir", str(directory), *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, document


def left_behind(directory: Path) -> list[str]:
    """The command lines of processes that speak of this directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in words:
            found.append(words)
    return found


def steps(events: Sequence[dict[str, Any]], version: str) -> list[str]:
    told = [event["data"]["step"] for event in events if event["data"].get("version") == version]
    return list(dict.fromkeys(told))


def test_the_demo_shows_the_whole_chain(tmp_path: Path) -> None:
    status, told = demo(tmp_path / "demo")
    assert [check["key"] for check in told["checks"] if not check["observed"]] == []
    assert (status, told["ok"]) == (0, True)
    events = told["events"]
    through = ["accepted", "staging", "staged", "activating", "proving"]
    assert steps(events, "1") == [*through, "succeeded"]
    assert steps(events, "2") == [*through[:3], "waiting", *through[3:], "succeeded"]
    assert steps(events, "3") == [*through, "rolling-back", "rolled-back"]
    refused = [event["data"]["code"] for event in events if event["data"]["step"] == "rejected"]
    assert refused == ["signature.identity", "signature.invalid", "statement.rollback"]
    current = tmp_path / "demo" / "host" / "store" / "current" / "rootfs" / "app" / "VERSION"
    assert current.read_text() == "2\n"
    assert left_behind(tmp_path) == []


def test_a_demo_in_which_something_did_not_happen_fails(tmp_path: Path) -> None:
    status, told = demo(tmp_path / "demo", "--flawless", "--patience", "15")
    assert (status, told["ok"]) == (1, False)
    missing = [check["key"] for check in told["checks"] if not check["observed"]]
    assert missing == ["v3-rolled-back", "v3-quarantined"]
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_running(tmp_path: Path, ending: signal.Signals) -> None:
    with subprocess.Popen(
        [TIDEGATE, "dev", "demo", "--dir", str(tmp_path / "demo")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        seen = next((line for line in process.stdout if "the host is online" in line), None)
        running = left_behind(tmp_path)
        process.send_signal(ending)
        process.communicate(timeout=60)
    assert seen is not None
    assert [any(name in words for words in running) for name in ("nats-server", "tidegate-agent")] == [
        True,
        True,
    ]
    assert process.returncode == 130
    # An announcement that was being started when the signal came may outlive the demo by a few seconds.
    wait_until(lambda: left_behind(tmp_path) == [], "nothing of the demo runs any more")
