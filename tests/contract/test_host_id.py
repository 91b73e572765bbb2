"""The derived host id is the one that systemd derives on this very machine."""

from __future__ import annotations

import subprocess

import pytest

from tests.conftest import find_program
from tidegate_agent.config import derived_host_id
from tidegate_agent.config.host import APPLICATION_ID, MACHINE_ID


@pytest.mark.real("systemd-id128")
@pytest.mark.skipif(not MACHINE_ID.exists(), reason="this machine has no machine-id to derive from")
def test_systemd_derives_the_same() -> None:
    program = find_program("systemd-id128")
    assert program is not None
    answer = subprocess.run(
        [program, "machine-id", f"--app-specific={APPLICATION_ID.hex()}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert derived_host_id() == answer.stdout.strip()
