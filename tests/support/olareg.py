"""A registry with the referrers API for tests: olareg on loopback, in memory, in a process of its own.

with Olareg(tmp_path) as registry:
    RegistryPusher(f"http://{registry.host}", "app")
"""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING, Self

import urllib3

from tests.conftest import find_program
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

_TRIES = 5


class Olareg:
    """olareg with its log below `directory`.

    Attributes:
        host: host and port.
    """

    def __init__(self, directory: Path) -> None:
        self._log = directory / "olareg.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.host = ""

    def __enter__(self) -> Self:
        # It cannot tell which port it was given, so it is given one; somebody else may take it meanwhile.
        for _ in range(_TRIES):
            port = _free_port()
            self._process = self._start(port)
            self.host = f"localhost:{port}"
            wait_until(lambda: self._ended or self._answers(), "olareg answers")
            if not self._ended:
                return self
        raise AssertionError(f"olareg did not start: {self._log.read_text(errors='replace')[-2000:]}")

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        program = find_program("olareg")
        assert program is not None, "olareg is not installed"
        place = ("--addr", "127.0.0.1", "--port", str(port), "--store-type", "mem")
        with self._log.open("wb") as stream:
            return subprocess.Popen([program, "serve", *place], stdout=stream, stderr=stream)

    @property
    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _answers(self) -> bool:
        with urllib3.PoolManager() as pool:
            try:
                return pool.request("GET", f"http://{self.host}/v2/", retries=False).status == 200
            except urllib3.exceptions.HTTPError:
                return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
