"""An HTTP receiver on loopback, as webhooks and OpenTelemetry have them: it answers what a test says.

with Receiver() as receiver:
    receiver.answers = [Answer(503), Answer(204)]
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    import ssl
    from types import TracebackType


@dataclass(frozen=True)
class Answer:
    """What is answered. `stalls`: the headers are all that comes, until the receiver ends."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    stalls: bool = False


@dataclass(frozen=True)
class Request:
    """What came."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Listens on a port that stays the same over `stop` and `start`.

    Attributes:
        answers: what the next requests get, and the last of them ever after.
        requests: what came.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers = [Answer()]
        self.requests: list[Request] = []
        self._tls = tls
        self._ended = threading.Event()
        self._server: _Server | None = None
        with socket.socket() as chosen:
            chosen.bind(("127.0.0.1", 0))
            self.port = int(chosen.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://localhost:{self.port}/hook"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._ended.clear()
        self._server = _Server(self, self._tls)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """End, with every connection that is open."""
        if self._server is not None:
            self._ended.set()
            self._server.shutdown()
            self._server.end_all()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def wait_for(self, count: int) -> list[Request]:
        """Wait until so many requests have come; all of them."""
        wait_until(lambda: len(self.requests) >= count, f"{count} requests have come", 30)
        return self.requests

    def take(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def stall(self) -> None:
        self._ended.wait(60)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    allow_reuse_address = True

    def __init__(self, receiver: Receiver, tls: ssl.SSLContext | None) -> None:
        self.receiver = receiver
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", receiver.port), _Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def process_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: object) -> None:
        assert isinstance(request, socket.socket)
        self._open.discard(request)
        super().shutdown_request(request)

    def end_all(self) -> None:
        for each in list(self._open):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers that hang up are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver = self.server.receiver
        headers = {key.lower(): value for key, value in self.headers.items()}
        answer = receiver.take(Request(self.path, headers, body))
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            self.send_header(key, value)
        if answer.stalls:
            self.send_header("Content-Length", "10")
            self.end_headers()
            receiver.stall()
            return
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.status != 204:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Say nothing."""
