"""Telling the agent's numbers on real files and sockets."""

from __future__ import annotations

import http.client
import socket
import stat
import urllib.error
import urllib.request
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.waiting import wait_until
from tidegate_agent.adapters.metrics.endpoint import Endpoint
from tidegate_agent.adapters.metrics.textfile import TextFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OFTEN = timedelta(milliseconds=20)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint("127.0.0.1:0", lambda: b"up 1\n")
    made.start()
    yield made
    made.stop()


def test_prometheus_is_answered_again_and_again(endpoint: Endpoint) -> None:
    for _ in range(3):
        with urllib.request.urlopen(f"http://127.0.0.1:{endpoint.port}/metrics", timeout=10) as answer:
            assert answer.read() == b"up 1\n"
            assert answer.headers["Content-Type"].startswith("text/plain; version=")


def test_there_is_nothing_else(endpoint: Endpoint) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{endpoint.port}/", timeout=10)
    with refused.value as answer:
        assert answer.code == 404
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{endpoint.port}/metrics", b"data", timeout=10)
    with refused.value as answer:
        assert answer.code == 501


def test_a_caller_who_says_nothing_holds_nobody_up_for_long(endpoint: Endpoint) -> None:
    assert endpoint.port
    place = f"http://127.0.0.1:{endpoint.port}/metrics"
    with (
        socket.create_connection(("127.0.0.1", endpoint.port)),
        urllib.request.urlopen(place, timeout=20) as answer,
    ):
        assert answer.read() == b"up 1\n"


def test_a_socket_is_for_its_owner_and_group_and_is_gone_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.sock"
    path.touch()  # what a killed agent left behind
    endpoint = Endpoint(f"unix:{path}", lambda: b"up 1\n")
    endpoint.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))
        caller.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        answer = http.client.HTTPResponse(caller)
        answer.begin()
        assert answer.read() == b"up 1\n"
        answer.close()
    assert endpoint.port is None
    endpoint.stop()
    endpoint.stop()
    assert not path.exists()


def test_an_address_in_use_is_a_line_in_the_log_and_no_end_of_the_agent(endpoint: Endpoint) -> None:
    second = Endpoint(f"127.0.0.1:{endpoint.port}", lambda: b"")
    second.start()
    assert second.port is None
    second.stop()


def test_a_textfile_is_written_anew_whole_readable_by_all_and_gone_at_the_end(tmp_path: Path) -> None:
    path, count = tmp_path / "tidegate.prom", iter(range(10**9))
    (tmp_path / ".tidegate.prom.new").touch()
    teller = TextFile(path, OFTEN, lambda: b"writes %d\n" % next(count))
    teller.start()
    wait_until(lambda: path.exists() and path.read_bytes() >= b"writes 2\n", "it is written anew", 20)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    teller.stop()
    teller.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_comes_later_is_written_to_then(tmp_path: Path) -> None:
    path = tmp_path / "later" / "tidegate.prom"
    teller = TextFile(path, OFTEN, lambda: b"up 1\n")
    teller.start()
    path.parent.mkdir()
    wait_until(path.exists, "it is written", 20)
    teller.stop()
    assert not path.exists()
