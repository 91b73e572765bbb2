"""`tidegate dev sigstore` as a process and in its failures."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import urllib3
from click.testing import CliRunner

from tidegate_publisher.devstack.sigstore.command import sigstore_command
from tidegate_schemas.codes import Code, TidegateError

PROGRAM = "from tidegate_publisher.devstack.sigstore.command import sigstore_command as run; run()"


def test_the_command_serves_until_it_is_stopped_and_keeps_its_root(tmp_path: Path) -> None:
    roots = set()
    for _ in range(2):
        ready = tmp_path / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-c", PROGRAM, "--dir", str(tmp_path / "sigstore"), "--port", "0"]
        with subprocess.Popen(
            [*command, "--ready-file", str(ready)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                summary = wait_for(ready, process)
                with urllib3.PoolManager() as pool:
                    served = pool.request("GET", f"{summary['url']}/oidc/.well-known/openid-configuration")
            finally:
                process.terminate()
            output, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert served.json()["issuer"] == summary["issuer"]
        assert "DEVELOPMENT ONLY" in output
        roots.add(Path(summary["trusted_root"]).read_text())
    assert len(roots) == 1


def wait_for(ready: Path, process: subprocess.Popen[str]) -> dict[str, str]:
    """Poll for the ready file, as a script would, for at most 30 seconds."""
    deadline = time.monotonic() + 30
    while not ready.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    summary: dict[str, str] = json.loads(ready.read_text())
    return summary


def test_a_taken_port_is_said_to_be_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(sigstore_command, ["--dir", str(tmp_path), "--port", port])
    assert isinstance(result.exception, TidegateError)
    assert f"cannot listen on port {port}" in result.exception.reason


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = CliRunner().invoke(
        sigstore_command, ["--dir", str(tmp_path / "file" / "sigstore"), "--port", "0"]
    )
    assert isinstance(result.exception, TidegateError)
    assert result.exception.code == Code.DISK_IO
