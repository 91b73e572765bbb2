"""The control socket and systemd's, on real Unix sockets: whatever a caller sends, the next one is served."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tidegate_agent.adapters import control_unix, sd_notify
from tidegate_agent.adapters.control_unix import REQUEST_BYTES, SOCKET_NAME, ControlServer, ask
from tidegate_agent.errors import ConfigError, ControlError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Answering:
    """Answers with what it was asked, and breaks where it is told to."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []

    def __call__(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(request)
        match request.get("command"):
            case "break":
                raise RuntimeError("this was not foreseen")
            case "refuse":
                return {"ok": False, "code": "request.invalid", "reason": "no"}
            case "later":
                return {"ok": False, "code": "code.of-tomorrow", "reason": "new"}
            case "large":
                return {"ok": True, "text": "x" * 500_000}
        return {"ok": True, "echo": dict(request)}


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
def place(tmp_path: Path, answering: Answering) -> Iterator[Path]:
    server = ControlServer(tmp_path / "run", answering)
    server.start()
    yield tmp_path / "run"
    server.stop()


def say(place: Path, raw: bytes) -> bytes:
    """Send bytes as they are, say no more, and read what comes back."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(10)
        caller.connect(str(place / SOCKET_NAME))
        caller.sendall(raw)
        caller.shutdown(socket.SHUT_WR)
        try:
            return caller.recv(65536)
        except ConnectionResetError:
            return b""


def test_a_request_is_answered(place: Path) -> None:
    assert ask(place, {"command": "status"})["echo"] == {"command": "status"}


def test_a_large_answer_comes_whole(place: Path) -> None:
    assert len(ask(place, {"command": "large"})["text"]) == 500_000


@pytest.mark.parametrize(
    ("command", "code"), [("refuse", Code.REQUEST_INVALID), ("later", Code.INTERNAL_ERROR)]
)
def test_a_refusal_is_raised_with_its_code(place: Path, command: str, code: Code) -> None:
    with pytest.raises(ControlError) as caught:
        ask(place, {"command": command})
    assert caught.value.code is code


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b'{"command": "status"}',
        b"not json\n",
        b"\xff\xfe\n",
        b"[" * (REQUEST_BYTES - 1) + b"\n",
        b'{"a":' * 800 + b"\n",
        b"x" * (REQUEST_BYTES + 1) + b"\n",
        b"x" * 1_000_000,
        b'{"command": "break"}\n',
    ],
    ids=["nothing", "empty", "hang-up", "text", "bytes", "deep", "deeper", "large", "flood", "break"],
)
def test_whatever_comes_the_next_caller_is_served(place: Path, raw: bytes) -> None:
    # The server may have hung up before it was all sent.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        assert say(place, raw) == b""
    assert ask(place, {"command": "status"})["ok"] is True


@pytest.mark.parametrize("raw", [b"[]\n", b"null\n", b'"status"\n', b"7\n"])
def test_what_is_no_object_is_answered_as_an_empty_one(place: Path, raw: bytes, answering: Answering) -> None:
    assert json.loads(say(place, raw)) == {"ok": True, "echo": {}}
    assert answering.asked == [{}]


def test_only_the_owner_can_reach_the_socket(place: Path) -> None:
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / SOCKET_NAME).stat().st_mode) == 0o600


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_other_users_are_refused_even_if_the_modes_let_them_in(place: Path, answering: Answering) -> None:
    place.chmod(0o755)
    (place / SOCKET_NAME).chmod(0o666)
    for parent in list(place.parents)[:-2]:
        parent.chmod(parent.stat().st_mode | 0o011)
    os.seteuid(65534)
    try:
        with pytest.raises(ControlError) as caught:
            ask(place, {"command": "status"})
    finally:
        os.seteuid(0)
    assert caught.value.reason == "only root and the agent's own user may talk to it"
    assert answering.asked == []


def test_without_an_agent_nothing_answers(tmp_path: Path) -> None:
    with pytest.raises(ControlError) as caught:
        ask(tmp_path, {"command": "status"})
    assert caught.value.code is Code.CONTROL_UNREACHABLE


def test_a_stale_socket_is_replaced_and_the_own_removed(tmp_path: Path, answering: Answering) -> None:
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(tmp_path / SOCKET_NAME))
    server = ControlServer(tmp_path, answering)
    server.start()
    assert ask(tmp_path, {})["ok"]
    server.stop()
    server.stop()
    assert not (tmp_path / SOCKET_NAME).exists()


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o775], ids=oct)
def test_a_directory_that_others_can_write_to_is_refused(
    tmp_path: Path, answering: Answering, mode: int
) -> None:
    # Whoever can write there could answer in the agent's place, or have it unlink and chmod files of others.
    tmp_path.chmod(mode)
    with pytest.raises(ConfigError, match="other users may write") as caught:
        ControlServer(tmp_path, answering)
    assert caught.value.code is Code.CONFIG_VALUE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o770], ids=oct)
def test_nobody_is_asked_where_anybody_could_answer(place: Path, answering: Answering, mode: int) -> None:
    place.chmod(mode)
    with pytest.raises(ConfigError, match="other users may write"):
        ask(place, {"command": "hold"})
    assert answering.asked == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_an_impostor_is_not_asked(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as impostor:
        impostor.bind(str(tmp_path / SOCKET_NAME))
        os.seteuid(65534)
        try:
            impostor.listen(1)
        finally:
            os.seteuid(0)
        with pytest.raises(ConfigError, match="user 65534 answers on"):
            ask(tmp_path, {"command": "hold"})
        caller, _ = impostor.accept()
        with caller:
            assert caller.recv(100) == b""


def test_who_says_nothing_or_never_ends_is_not_waited_for(tmp_path: Path, answering: Answering) -> None:
    server = ControlServer(tmp_path / "run", answering, patience_s=0.2)
    server.start()
    hung_up = threading.Event()

    def trickle(caller: socket.socket) -> None:
        # More than one byte in the whole of its time, and never a whole line.
        with contextlib.suppress(OSError):
            while not hung_up.wait(0.02):
                caller.sendall(b" ")

    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as trickling:
        for each in (silent, trickling):
            each.connect(str(tmp_path / "run" / SOCKET_NAME))
        thread = threading.Thread(target=trickle, args=[trickling])
        thread.start()
        try:
            assert ask(tmp_path / "run", {"command": "status"})["ok"] is True
        finally:
            hung_up.set()
            thread.join()
    server.stop()
    assert answering.asked == [{"command": "status"}]


def test_a_server_that_never_started_can_be_stopped(tmp_path: Path, answering: Answering) -> None:
    ControlServer(tmp_path, answering).stop()
    assert not (tmp_path / control_unix.SOCKET_NAME).exists()


# systemd


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, abstract: bool) -> None:
    name = f"@tidegate-{os.getpid()}" if abstract else str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        sd_notify.notify("READY=1")
        assert systemd.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", [None, "", "/nonexistent/notify", "@nobody-listens-here", "x" * 300])
def test_where_nobody_listens_the_service_goes_on(
    monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    sd_notify.notify("READY=1")
