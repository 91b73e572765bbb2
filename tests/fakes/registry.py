"""A registry on loopback that can be as wrong as a test wants it to be.

Longer than 200 lines, because server, exchange and tricks are only understood together.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from tests.fakes.registry_artifacts import answer_push, answer_referrers
from tidegate_wire.registry.digest import digest_of

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


class Exchange(BaseHTTPRequestHandler):
    """One request, for a trick to answer."""

    protocol_version = "HTTP/1.1"
    server: _Server
    body: bytes = b""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_CONNECT(self) -> None:
        self._serve()

    def send(self, status: int, content: bytes = b"", **headers: str) -> None:
        """A whole answer. Header names are given with underscores."""
        self.start(status, Content_Length=str(len(content)), **headers)
        self.write(content)

    def start(self, status: int, **headers: str) -> None:
        """Status line and headers alone."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def write(self, content: bytes) -> None:
        """Some of the body. That the client has gone is its good right."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self.wfile.write(content)
            self.wfile.flush()

    def hang_up(self) -> None:
        """End the connection after this answer."""
        self.close_connection = True

    def first_byte(self) -> int | None:
        """Where a Range header begins, or None without one."""
        value = self.headers.get("Range")
        return int(value.removeprefix("bytes=").partition("-")[0]) if value else None

    def blob(self, content: bytes) -> None:
        """The honest answer for a blob, ranges included."""
        start = self.first_byte()
        if start is None:
            self.send(200, content)
        elif start >= len(content):
            self.send(416)
        else:
            self.send(206, content[start:], Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Silence."""

    def _serve(self) -> None:
        registry = self.server.registry
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        seen = Seen(self.command, self.path, dict(self.headers), self.body)
        trick = registry.take(seen)
        (registry.answer if trick is None else trick)(self)


Trick = Callable[[Exchange], None]


class _Server(ThreadingHTTPServer):
    """Ends with all its connections, kept-alive ones too, as a registry that goes down does."""

    daemon_threads = False
    registry: FakeRegistry

    def process_request(self, request: object, client_address: object) -> None:
        self.registry.connections.append(request)  # type: ignore[arg-type] # socketserver's own union
        super().process_request(request, client_address)  # type: ignore[arg-type] # the same

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is part of the game."""

    def shutdown_request(self, request: object) -> None:
        with contextlib.suppress(OSError):
            super().shutdown_request(request)  # type: ignore[arg-type] # socketserver's own union


@dataclass
class FakeRegistry:
    """An honest registry for one repository, until tricks are set.

    Attributes:
        manifests: by tag and by digest.
        blobs: by digest.
        seen: all requests, oldest first.
        connections: all that were ever open.
        page_size: how many referrers one answer lists; None for a registry without the referrers API.
    """

    repository: str = "app"
    context: ssl.SSLContext | None = None
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)
    page_size: int | None = None
    _tricks: deque[tuple[str, Trick, bool]] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), Exchange)
        self._server.registry = self
        if self.context is not None:
            self._server.socket = self.context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens on loopback."""
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        """Host and port, with the name that a certificate for loopback carries."""
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        """Root URL."""
        return f"{'https' if self.context else 'http'}://{self.host}"

    def add(self, manifest: bytes, blobs: dict[str, bytes], tag: str = "latest") -> str:
        """Put an image in, and return its digest."""
        digest = digest_of(manifest)
        self.manifests |= {tag: manifest, digest: manifest}
        self.blobs |= blobs
        return digest

    def once(self, part: str, *tricks: Trick) -> None:
        """Answer the next requests whose path holds `part` by these tricks, one each."""
        self._tricks.extend((part, trick, False) for trick in tricks)

    def always(self, part: str, trick: Trick) -> None:
        """Answer every request whose path holds `part` by this trick."""
        self._tricks.append((part, trick, True))

    def requests(self, part: str) -> list[Seen]:
        """The requests whose path holds `part`."""
        return [seen for seen in self.seen if part in seen.path]

    def take(self, seen: Seen) -> Trick | None:
        """Note a request, and give the trick that is set for it; those for one request come first."""
        with self._lock:
            self.seen.append(seen)
            for entry in sorted(self._tricks, key=lambda entry: entry[2]):
                if entry[0] in seen.path:
                    if not entry[2]:
                        self._tricks.remove(entry)
                    return entry[1]
        return None

    def answer(self, exchange: Exchange) -> None:
        """The honest answer."""
        parts = urlsplit(exchange.path).path.removeprefix(f"/v2/{self.repository}/").split("/")
        manifest = self.manifests.get(parts[-1])
        blob = self.blobs.get(parts[-1])
        if exchange.path == "/v2/":
            exchange.send(200, b"{}")
        elif exchange.command in ("POST", "PUT"):
            answer_push(exchange, self)
        elif parts[0] == "referrers" and self.page_size is not None:
            answer_referrers(exchange, self.manifests.values(), self.page_size)
        elif parts[0] == "manifests" and manifest is not None:
            exchange.send(200, manifest, Docker_Content_Digest=digest_of(manifest))
        elif parts[0] == "blobs" and blob is not None:
            exchange.blob(blob)
        else:
            exchange.send(404)


def dropping_after(count: int, content: bytes) -> Trick:
    """A trick that promises the whole blob from the asked byte on, and hangs up after `count` bytes of it."""

    def trick(exchange: Exchange) -> None:
        start = exchange.first_byte() or 0
        rest = content[start:]
        if exchange.first_byte() is None:
            exchange.start(200, Content_Length=str(len(rest)))
        else:
            exchange.start(
                206,
                Content_Length=str(len(rest)),
                Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}",
            )
        exchange.write(rest[:count])
        exchange.hang_up()

    return trick


def answering(status: int, content: bytes = b"", /, **headers: str) -> Trick:
    """A trick that sends one fixed answer."""

    def trick(exchange: Exchange) -> None:
        exchange.send(status, content, **headers)

    return trick


@contextlib.contextmanager
def fake_registry(context: ssl.SSLContext | None = None) -> Iterator[FakeRegistry]:
    """A running registry."""
    with FakeRegistry(context=context) as registry:
        yield registry
