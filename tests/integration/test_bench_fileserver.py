"""The server that the bench of `ostree pull` counts bytes at."""

from __future__ import annotations

import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bench import procfs

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = Path(__file__).parents[1] / "bench" / "fileserver.py"
CONTENT = bytes(range(256)) * 4096


class Served:
    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "secret").write_text("not for you")
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "object").write_bytes(CONTENT)
    with subprocess.Popen(
        [sys.executable, str(SERVER), str(folder)], stdout=subprocess.PIPE, text=True
    ) as it:
        assert it.stdout is not None
        yield Served(it, int(it.stdout.readline()))
        it.terminate()


def test_one_connection_takes_many_requests_and_each_byte_counts(served: Served) -> None:
    connection = HTTPConnection("localhost", served.port, timeout=30)
    before = procfs.bytes_written(served.process.pid)
    for _ in range(3):
        connection.request("GET", "/object")
        with connection.getresponse() as answer:
            assert answer.status == 200
            assert answer.read() == CONTENT
    connection.close()
    sent = procfs.bytes_written(served.process.pid) - before
    assert 3 * len(CONTENT) < sent < 3 * len(CONTENT) + 1000


@pytest.mark.parametrize("path", ["/absent", "/", "/../secret", "/%2e%2e/secret"])
def test_nothing_else_is_there(served: Served, path: str) -> None:
    connection = HTTPConnection("localhost", served.port, timeout=30)
    connection.request("GET", path)
    with connection.getresponse() as answer:
        assert answer.status == 404
        assert answer.read() == b""
    connection.close()
