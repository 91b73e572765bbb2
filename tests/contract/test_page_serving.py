"""The page on real sockets: how it ends, who may connect, TLS, live streams."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import stat
from typing import TYPE_CHECKING

import pytest

from tests.fakes.history import FakeHistory
from tests.support.fleet_story import BEGIN, an_update
from tests.support.page_client import a_history
from tests.support.pki import Authority
from tests.support.waiting import wait_until
from tidegate_fleet.web.app import create_app
from tidegate_fleet.web.crowd import Crowd
from tidegate_fleet.web.doors.open_door import OpenDoor
from tidegate_fleet.web.doors.token_door import TokenDoor
from tidegate_fleet.web.listening import Listen
from tidegate_fleet.web.serving import Tls, serve
from tidegate_fleet.web.site import Site
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_fleet.web.guard import Guard

TOKEN = "correct-horse-battery-staple-0123456789"
HERE = Listen.read("127.0.0.1:0")


def an_app(history: FakeHistory | None = None, **site: float) -> Guard:
    settings = Site(pace_s=0.02, **site)  # type: ignore[arg-type] # numbers alone are given here
    return create_app(history or FakeHistory(), login=OpenDoor(), site=settings)


@contextlib.contextmanager
def asked(port: int, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        yield connection.getresponse()
    finally:
        connection.close()


def read_event(answer: http.client.HTTPResponse, name: str) -> tuple[dict[str, object], int]:
    """The next message of that name: its content and its number."""
    number = 0
    found = False
    while line := answer.readline().decode().strip("\n") or " ":
        if line.startswith("id: "):
            number = int(line[4:])
        found = found or line == f"event: {name}"
        if found and line.startswith("data: "):
            return json.loads(line[6:]), number
    raise AssertionError("the stream ended")


def test_live_views_are_let_go_at_once_when_the_server_ends() -> None:
    with contextlib.ExitStack() as views:
        with serve(an_app(a_history(5), heartbeat_s=3600), HERE) as served:
            answers = [views.enter_context(asked(served.port, "/api/v1/live")) for _ in range(5)]
            for answer in answers:
                assert answer.status == 200
                read_event(answer, "fleet")
        for answer in answers:
            # A view that had to be cut off would end in the middle of its chunks: IncompleteRead.
            answer.read()


def test_who_comes_back_with_the_last_number_goes_on_there() -> None:
    history = FakeHistory()
    with serve(an_app(history), HERE) as served:
        history.take(an_update("till-1", Step.ACCEPTED, BEGIN), BEGIN)
        history.take(an_update("till-2", Step.ACCEPTED, BEGIN), BEGIN)
        with asked(served.port, "/api/v1/live?after=0") as answer:
            content, number = read_event(answer, "event")
            assert (content["host"], number) == ("till-1", 1)
        history.take(an_update("till-3", Step.ACCEPTED, BEGIN), BEGIN)
        with asked(served.port, "/api/v1/live", **{"Last-Event-ID": str(number)}) as answer:
            assert [read_event(answer, "event")[0]["host"] for _ in range(2)] == ["till-2", "till-3"]


def test_a_place_is_free_again_when_its_viewer_has_gone() -> None:
    with serve(an_app(most_viewers=1), HERE) as served:
        with asked(served.port, "/api/v1/live") as first:
            assert first.status == 200
            with asked(served.port, "/api/v1/live") as second:
                assert (second.status, second.getheader("Retry-After")) == (503, "10")

        def free() -> bool:
            with asked(served.port, "/api/v1/live") as answer:
                return answer.status == 200

        wait_until(free, "the place is free")


def test_a_socket_is_for_its_owner_and_group_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "page.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    with serve(an_app(), Listen(path=path)) as served:
        assert served.address == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert client.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
        with pytest.raises(TidegateError, match="in use") as caught, serve(an_app(), Listen(path=path)):
            pass
        assert caught.value.code is Code.PAGE_LISTEN
        assert path.is_socket()
    assert not path.exists()


def test_a_port_that_is_taken_is_told() -> None:
    with serve(an_app(), HERE) as served:
        taken = Listen("127.0.0.1", served.port)
        with pytest.raises(TidegateError, match="in use") as caught, serve(an_app(), taken):
            pass
        assert caught.value.code is Code.PAGE_LISTEN


def test_tls_makes_the_cookie_secure(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    leaf = authority.issue("page")
    app = create_app(FakeHistory(), login=TokenDoor(TOKEN))
    with serve(app, HERE, Tls(leaf.cert, leaf.key)) as served:
        context = ssl.create_default_context(cafile=str(authority.ca))
        connection = http.client.HTTPSConnection("127.0.0.1", served.port, context=context, timeout=30)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/login", f"token={TOKEN}", form)
        cookie = connection.getresponse().getheader("Set-Cookie")
        connection.close()
    assert served.address.startswith("https://")
    assert cookie is not None
    assert cookie.startswith("__Host-tidegate=")


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    with pytest.raises(TidegateError) as caught, serve(an_app(), HERE, Tls(junk, junk)):
        pass
    assert caught.value.code is Code.PAGE_LISTEN


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01 hello",
    ],
)
def test_what_is_no_request_to_us_gets_no_page(request_bytes: bytes) -> None:
    with serve(an_app(a_history(3)), HERE) as served:
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
            client.sendall(request_bytes)
            client.shutdown(socket.SHUT_WR)
            answer = client.makefile("rb").read()
        assert b" 200 " not in answer.partition(b"\r\n")[0]
        with asked(served.port, "/healthz") as healthy:
            assert healthy.status == 200


def says_nothing(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def is_hung_up_on(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("speaks_tls", [False, True])
def test_strangers_take_no_more_connections_than_they_may(tmp_path: Path, *, speaks_tls: bool) -> None:
    tls = None
    if speaks_tls:
        leaf = Authority(tmp_path).issue("localhost")
        tls = Tls(leaf.cert, leaf.key)
    with (
        serve(an_app(), HERE, tls, Crowd(most=3, head_s=3600)) as served,
        contextlib.ExitStack() as strangers,
    ):
        first = [strangers.enter_context(says_nothing(served.port)) for _ in range(3)]
        for _ in range(20):
            assert is_hung_up_on(strangers.enter_context(says_nothing(served.port)))
        first[0].close()
        if speaks_tls:
            return

        def is_served() -> bool:
            try:
                with asked(served.port, "/healthz") as answer:
                    return answer.status == 200
            except (ConnectionError, http.client.BadStatusLine):
                return False

        wait_until(is_served, "one is served where another one left")


@pytest.mark.parametrize(
    "said", [b"", b"GET / HTTP/1.1\r\nHost: local", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET"]
)
def test_who_does_not_come_to_the_end_of_a_request_is_hung_up_on(said: bytes) -> None:
    with serve(an_app(), HERE, None, Crowd(head_s=0.3)) as served, says_nothing(served.port) as stranger:
        stranger.sendall(said)
        while not is_hung_up_on(stranger):
            pass


def test_who_was_answered_slowly_is_not_hung_up_on() -> None:
    app = an_app(a_history(2), heartbeat_s=0.1)
    with (
        serve(app, HERE, None, Crowd(head_s=0.3)) as served,
        asked(served.port, "/api/v1/live") as answer,
    ):
        read_event(answer, "fleet")
        for _ in range(30):
            assert answer.readline()
