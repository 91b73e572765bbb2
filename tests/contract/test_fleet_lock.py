"""ports.RebootLock: what the fake and the FleetLock client promise alike; what the client makes of doubts."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.conftest import find_program
from tests.fakes.reboot_lock import FakeRebootLock, FakeSlots
from tests.support.fleet_lock import FleetLockProgram, FleetLockServer
from tests.support.pki import Authority
from tidegate_agent.adapters.fleet_lock import VALUE_CHARACTERS, FleetLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tidegate_agent.ports import RebootLock

FIRST, SECOND = "c988d2509fdf5cdcbed39037c56406fb", "d988d2509fdf5cdcbed39037c56406fb"


class World(Protocol):
    """One slot, and the hosts that want it."""

    def host(self, client: str, group: str = "default") -> RebootLock: ...


class FakeWorld:
    def __init__(self) -> None:
        self._slots = FakeSlots()

    def host(self, client: str, group: str = "default") -> RebootLock:
        return FakeRebootLock(self._slots, f"{group}/{client}")


class ServerWorld:
    def __init__(self, url: str) -> None:
        self._url = url

    def host(self, client: str, group: str = "default") -> RebootLock:
        return FleetLock(self._url, client, group, timeout_s=5)


@pytest.fixture(params=["fake", "stand-in", "fleetlock"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The last one is a server that fleets use; there is no package of it."""
    if request.param == "fake":
        yield FakeWorld()
    elif request.param == "stand-in":
        with FleetLockServer() as server:
            yield ServerWorld(server.url)
    elif find_program("fleetlock") is None:
        pytest.skip("fleetlock is not installed, and no registry of packages has it")
    else:
        with FleetLockProgram(tmp_path) as program:
            yield ServerWorld(program.url)


def test_one_slot_goes_to_one_host_after_the_other(world: World) -> None:
    first, second = world.host(FIRST), world.host(SECOND)
    assert first.acquire() is None
    assert second.acquire() is not None
    assert first.release()
    assert second.acquire() is None
    assert first.acquire() is not None


def test_a_slot_outlives_the_host_s_reboot(world: World) -> None:
    assert world.host(FIRST).acquire() is None
    assert world.host(FIRST).acquire() is None
    assert world.host(FIRST).release()
    assert world.host(SECOND).acquire() is None


def test_nobody_gives_back_what_another_holds(world: World) -> None:
    assert world.host(FIRST).acquire() is None
    assert world.host(SECOND).release()
    assert world.host(SECOND).acquire() is not None


def test_giving_back_what_is_not_held_does_no_harm(world: World) -> None:
    host = world.host(FIRST)
    assert [host.release(), host.release()] == [True, True]
    assert host.acquire() is None
    assert [host.release(), host.release()] == [True, True]


def test_groups_do_not_wait_for_each_other(tmp_path: Path) -> None:
    del tmp_path
    with FleetLockServer() as server:
        world = ServerWorld(server.url)
        assert world.host(FIRST, "workers").acquire() is None
        assert world.host(SECOND, "kiosks").acquire() is None
        assert server.holders == {("workers", FIRST), ("kiosks", SECOND)}


def test_a_refusal_is_told_in_the_server_s_words() -> None:
    with FleetLockServer() as server:
        FleetLock(server.url, FIRST).acquire()
        why = FleetLock(server.url, SECOND).acquire()
        assert why == (
            f"the fleet lock at {server.url} is not granted: semaphore currently full, all slots are locked "
            "already (failed_lock_semaphore_full, HTTP status 423)"
        )
        server.broken = True
        assert "HTTP status 500" in (FleetLock(server.url, FIRST).acquire() or "")
        assert not FleetLock(server.url, FIRST).release()
        assert server.holders == {("default", FIRST)}


def test_what_is_asked_is_what_the_protocol_says() -> None:
    """A slash at the end of the base URL changes nothing."""
    with FleetLockServer() as server:
        FleetLock(f"{server.url}/", FIRST, "edge.de-1").acquire()
        FleetLock(server.url, FIRST, "edge.de-1").release()
    assert server.requests == [
        ("/base/v1/pre-reboot", "edge.de-1", FIRST),
        ("/base/v1/steady-state", "edge.de-1", FIRST),
    ]


def test_certificates_are_checked(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    leaf = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.cert, leaf.key)
    with FleetLockServer(context=context) as server:
        assert FleetLock(server.url, FIRST, ca_file=authority.ca).acquire() is None
        why = FleetLock(server.url, FIRST).acquire() or ""
        assert "its certificate is not trusted" in why
        assert not FleetLock(server.url, FIRST).release()
        elsewhere = server.url.replace("localhost", "127.0.0.2")
        assert FleetLock(elsewhere, FIRST, ca_file=authority.ca, timeout_s=2).acquire() is not None
    missing = FleetLock("https://localhost:1", FIRST, ca_file=tmp_path / "missing.pem")
    assert "No such file" in (missing.acquire() or "")


def test_a_server_that_is_away_grants_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    lock = FleetLock(f"http://127.0.0.1:{port}", FIRST, timeout_s=2)
    assert lock.acquire() == (f"the fleet lock at http://127.0.0.1:{port} is not granted: Connection refused")
    assert not lock.release()


@contextlib.contextmanager
def answering(*pieces: bytes, then: Callable[[socket.socket], None] | None = None) -> Iterator[str]:
    """A server that says this to whoever comes, whatever is asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = server.accept()
                    with contextlib.suppress(OSError), caller:
                        caller.recv(65536)
                        for piece in pieces:
                            caller.sendall(piece)
                        if then is not None:
                            then(caller)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (answer("204 No Content", b""), "HTTP status 204"),
        (answer("202 Accepted", b'{"kind":"drain","value":"wait"}'), "wait (drain, HTTP status 202)"),
        (answer("307 Temporary Redirect", b"", "Location: http://127.0.0.1:9/"), "HTTP status 307"),
        (answer("409 Conflict", b"\xff\xfe"), "HTTP status 409"),
        (answer("409 Conflict", b'{"kind":"x"}'), "HTTP status 409"),
        (answer("409 Conflict", b"[" * 100_000), "HTTP status 409"),
        (answer("409 Conflict", b'{"kind":"x","value":"a\\u001b[2Jb"}'), "a\ufffd[2Jb"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "BadStatusLine"),
        (b"", "RemoteDisconnected"),
    ],
)
def test_only_200_grants(said: bytes, told: str) -> None:
    with answering(said) as url:
        why = FleetLock(url, FIRST, timeout_s=5).acquire() or ""
        assert told in why
        assert why.isprintable()
        assert not FleetLock(url, FIRST, timeout_s=5).release()


def test_a_long_reason_is_cut() -> None:
    body = b'{"kind":"k","value":"' + b"x" * 3000 + b'"}'
    with answering(answer("409 Conflict", body)) as url:
        why = FleetLock(url, FIRST, timeout_s=5).acquire() or ""
    assert "x" * VALUE_CHARACTERS in why
    assert "x" * (VALUE_CHARACTERS + 1) not in why


@pytest.mark.parametrize(
    ("first", "drop"),
    [(b"", b""), (b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"), (answer("409 No", b"")[:-2], b"a")],
    ids=["silent", "endless headers", "dripping"],
)
def test_an_answer_that_does_not_come_to_an_end_grants_nothing(first: bytes, drop: bytes) -> None:
    over = threading.Event()

    def drip(caller: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not over.wait(0.05):
                caller.sendall(drop)

    with answering(first, then=drip) as url:
        why = FleetLock(url, FIRST, timeout_s=0.5).acquire()
        over.set()
    assert why is not None
    assert "not granted" in why
