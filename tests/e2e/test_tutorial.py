"""The tutorial is run as it stands: its shell blocks in order, only on free ports and with patience."""

from __future__ import annotations

import re

import pytest

from tests.support.brokers import free_port
from tests.support.guides import blocks, run_shell, with_ports

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
    return run_shell(_script(), tmp_path_factory.mktemp("home"))


def _script() -> str:
    first, *others = blocks("tutorial/first-update.md")
    lines = [PATIENCE, first.script.splitlines()[1]]
    for block in others:
        lines.append(block.script)
        lines += [wait for mark, wait in WAITS.items() if mark in block.script]
    ports = {port: str(free_port()) for port in ("4222", "1883", "5557")}
    text = with_ports("\n".join(lines), ports)
    return text.replace("sigstore --dir sigstore >", f"sigstore --dir sigstore --port {ports['5557']} >")


def test_the_first_release_runs(transcript: str) -> None:
    assert "hello from version 1" in transcript


def test_the_bad_release_is_left_for_the_one_before(transcript: str) -> None:
    assert re.search(r"hello/stable: rolled-back\n    runs +sha256:\w+ 2\n", transcript)
    assert "[health.failed] hello: exit status 1: no version" in transcript
    assert "hello from version 2" in transcript


def test_mallory_is_announced_but_nothing_of_it_runs(transcript: str) -> None:
    assert "signer    mallory@example.org" in transcript
    assert "[signature.identity] signed by 'mallory@example.org'" in transcript
