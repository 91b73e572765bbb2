"""ports.HealthCheck: the fake, and commands and HTTP servers that do all they should not."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from tests.fakes.health import HEALTHY, SICK, FakeHealth
from tests.support.processes import alive
from tests.support.waiting import wait_until
from tidegate_agent.adapters.health import HealthRounds
from tidegate_agent.config.checks import CheckSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_agent.model import CheckResult
    from tidegate_agent.ports import HealthCheck

TRUE = CheckSettings(name="true", command=("true",))
FALSE = CheckSettings(name="false", command=("false",))


@pytest.mark.parametrize("health", [FakeHealth(HEALTHY), HealthRounds([TRUE])])
def test_all_is_well_when_every_check_passes(health: HealthCheck) -> None:
    assert health.run().ok
    assert health.run().ok


@pytest.mark.parametrize("health", [FakeHealth(SICK), HealthRounds([TRUE, FALSE])])
def test_one_required_failure_is_enough_and_is_named(health: HealthCheck) -> None:
    found = health.run()
    assert not found.ok
    assert found.reason in {"fake: the fake is sick", "false: exit status 1"}


def test_no_checks_are_healthy() -> None:
    assert HealthRounds([]).run().ok


def test_a_wanted_check_may_fail() -> None:
    wanted = CheckSettings(name="wanted", command=("false",), required=False)
    found = HealthRounds([wanted, TRUE]).run()
    assert found.ok
    assert [check.passed for check in found.checks] == [False, True]


def ask(**check: Any) -> CheckResult:
    [result] = HealthRounds([CheckSettings(name="it", **check)]).run().checks
    return result


def test_the_command_s_words_come_back() -> None:
    result = ask(command=("sh", "-c", "echo out; echo err >&2; exit 3"))
    assert not result.passed
    assert result.output == "exit status 3: out\nerr"


def test_no_shell_reads_the_command() -> None:
    assert ask(command=("echo", "$HOME; exit 1", "*")).output == "$HOME; exit 1 *"


def test_a_command_sees_little_of_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/secret")
    assert sorted(line.split("=")[0] for line in ask(command=("env",)).output.splitlines()) == [
        "HOME",
        "LANG",
        "PATH",
        "TIDEGATE_CHECK",
    ]


def test_a_missing_command_fails_in_words() -> None:
    assert (
        ask(command=("/nonexistent/check",)).output
        == "/nonexistent/check cannot be run: No such file or directory"
    )


def test_a_command_ended_by_a_signal_has_failed() -> None:
    assert ask(command=("sh", "-c", "kill -9 $$")).output == "ended by signal 9"


def test_a_command_that_hangs_is_ended_with_all_its_children(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/child; echo begun; wait"
    began = time.monotonic()
    result = ask(command=("sh", "-c", script), timeout=timedelta(milliseconds=500))
    assert time.monotonic() - began < 10
    assert result.output == "ended after 0s without an answer: begun"
    child = int((tmp_path / "child").read_text(encoding="ascii"))
    wait_until(lambda: not alive(child), "the child is gone")


def test_a_daemon_that_a_check_leaves_behind_neither_delays_it_nor_stays(tmp_path: Path) -> None:
    began = time.monotonic()
    result = ask(
        command=("sh", "-c", f"sleep 600 & echo $! > {tmp_path}/child; echo ok"),
        timeout=timedelta(seconds=60),
    )
    assert time.monotonic() - began < 10
    assert result.passed
    assert result.output == "ok"
    child = int((tmp_path / "child").read_text(encoding="ascii"))
    wait_until(lambda: not alive(child), "the child is gone")


def test_endless_output_is_cut_to_its_end_and_harmless() -> None:
    result = ask(command=("sh", "-c", "head -c 3000000 /dev/zero; printf '\\033[2Jthe end'; exit 1"))
    assert result.output.endswith("[2Jthe end")
    assert len(result.output) <= 2048
    assert "\x1b" not in result.output
    assert "\0" not in result.output


def test_a_command_that_never_stops_writing_is_ended_in_time() -> None:
    began = time.monotonic()
    assert not ask(command=("yes",), timeout=timedelta(seconds=1)).passed
    assert time.monotonic() - began < 10


class Handler(BaseHTTPRequestHandler):
    """One path for each way to answer."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        match self.path:
            case "/ok?deep=1":
                self._answer(200, b"fine")
            case "/sick":
                self._answer(503, b"database \x1b[2J is away")
            case "/moved":
                self._answer(302, b"", location="/ok?deep=1")
            case "/huge":
                self._answer(500, b"x" * 5_000_000)
            case "/drip":
                self._drip()

    def _answer(self, status: int, body: bytes, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            return

    def _drip(self) -> None:
        """Headers that go on for ever, a byte at a time, each well within any timeout for one read."""
        pause = threading.Event()
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while True:
                self.wfile.write(b"x")
                pause.wait(0.02)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_expected_status_is_healthy(server: str) -> None:
    assert ask(url=f"{server}/ok?deep=1").passed
    assert ask(url=f"{server}/ok?deep=1").output == "fine"
    assert ask(url=f"{server}/sick", status=503).passed


def test_another_status_fails_with_the_server_s_words(server: str) -> None:
    result = ask(url=f"{server}/sick")
    assert not result.passed
    assert result.output == f"{server}/sick: status 503, expected 200: database �[2J is away"


def test_redirects_are_not_followed(server: str) -> None:
    Handler.asked.clear()
    assert ask(url=f"{server}/moved").output == f"{server}/moved: status 302, expected 200"
    assert Handler.asked == ["/moved"]


def test_of_a_huge_body_only_the_beginning_is_read(server: str) -> None:
    assert len(ask(url=f"{server}/huge").output) <= 2048


def test_a_dripping_answer_is_cut_off_in_time(server: str) -> None:
    began = time.monotonic()
    result = ask(url=f"{server}/drip", timeout=timedelta(seconds=1))
    assert time.monotonic() - began < 10
    assert result.output == f"{server}/drip: no answer within 1s"


def test_a_refused_connection_fails_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = ask(url=f"http://127.0.0.1:{port}/")
    assert not result.passed
    assert "Connection refused" in result.output


@contextmanager
def speaking(words: bytes) -> Iterator[int]:
    """A server that says just this to whoever comes first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def _serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(words)

        thread = threading.Thread(target=_serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    "words", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200, b"\0" * 100]
)
def test_what_is_not_http_fails(words: bytes) -> None:
    with speaking(words) as port:
        assert not ask(url=f"http://127.0.0.1:{port}/").passed


def test_plain_http_is_no_tls() -> None:
    with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert not ask(url=f"https://127.0.0.1:{port}/").passed


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_descriptor_is_left_open(server: str) -> None:
    def _round() -> None:
        HealthRounds(
            [
                TRUE,
                CheckSettings(name="web", url=f"{server}/sick"),
                CheckSettings(name="hangs", command=("sleep", "600"), timeout=timedelta(milliseconds=100)),
            ]
        ).run()

    _round()
    before = descriptors()
    for _ in range(5):
        _round()
    wait_until(lambda: descriptors() <= before, "all descriptors are closed")
