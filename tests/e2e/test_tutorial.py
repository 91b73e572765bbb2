"""The tutorial is run as it stands: its shell blocks in order, only on free ports and with patience."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.brokers import free_port

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "first-update.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What a person does between two blocks: wait until something is there.
PATIENCE = """
until_seen() {
  n=0
  until eval "$1" >/dev/null 2>&1; do n=$((n+1)); [ $n -lt 150 ] || exit 99; sleep 0.2; done
}
agent() { tidegate-agent --config agent.toml "$@"; }
"""
WAITS = {
    "sigstore.log": "until_seen 'test -s sigstore/trust_config.json'",
    "agent.log": "until_seen 'agent status | grep online'",
    "mallory@example.org": "until_seen 'agent history | grep signature.identity'; agent history",
}


@pytest.fixture(scope="module")
def transcript(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Everything the tutorial prints, in a home of its own."""
    home = tmp_path_factory.mktemp("home")
    script = home / "tutorial.sh"
    script.write_text(_script())
    environment = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LANG": "C.UTF-8",
    }
    with subprocess.Popen(
        ["/bin/bash", "-e", script],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            output, _ = shell.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            output, _ = shell.communicate()
    assert shell.returncode == 0, output
    return output


def _script() -> str:
    first, *blocks = BLOCK.findall(TUTORIAL.read_text(encoding="utf-8"))
    lines = ["set -m", PATIENCE, first.splitlines()[1]]
    for block in blocks:
        lines.append(block)
        lines += [wait for mark, wait in WAITS.items() if mark in block]
    text = "\n".join(lines)
    for port in ("4222", "1883", "5557"):
        text = text.replace(port, str(free_port()))
    sigstore = re.search(r"127\.0\.0\.1:(\d+)/oidc", text)
    assert sigstore is not None
    return text.replace("sigstore --dir sigstore >", f"sigstore --dir sigstore --port {sigstore[1]} >")


def test_the_first_release_runs(transcript: str) -> None:
    assert "hello from version 1" in transcript


def test_the_bad_release_is_left_for_the_one_before(transcript: str) -> None:
    assert re.search(r"hello/stable: rolled-back\n    runs +sha256:\w+ 2\n", transcript)
    assert "[health.failed] hello: exit status 1: no version" in transcript
    assert "hello from version 2" in transcript


def test_mallory_is_announced_but_nothing_of_it_runs(transcript: str) -> None:
    assert "signer    mallory@example.org" in transcript
    assert "[signature.identity] signed by 'mallory@example.org'" in transcript
