"""The HTTP server: loopback only, bounded requests, one thread each; the only place that reads a clock."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from loguru import logger

from tidegate_publisher.devstack.sigstore.service.fulcio import FulcioService
from tidegate_publisher.devstack.sigstore.service.messages import (
    HttpError,
    Request,
    Response,
    json_response,
)
from tidegate_publisher.devstack.sigstore.service.oidc import OidcService
from tidegate_publisher.devstack.sigstore.service.rekor import RekorService
from tidegate_publisher.devstack.sigstore.service.timestamp import TimestampService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore
    from tidegate_publisher.devstack.sigstore.service.messages import Routes

LOOPBACK = "127.0.0.1"
MAX_BODY = 1024 * 1024
MAX_QUERY_FIELDS = 64
IDLE_TIMEOUT = 10.0

WARNING = (
    "DEVELOPMENT ONLY: the local Sigstore on {} signs for anybody as anybody; "
    "never put its trusted root onto a host that matters"
)


def system_clock() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def routes_of(sigstore: LocalSigstore, url: str) -> Routes:
    """All that an instance answers when it is served at `url`."""
    return {
        **FulcioService(sigstore).routes(),
        **RekorService(sigstore).routes(),
        **TimestampService(sigstore).routes(),
        **OidcService(sigstore, url).routes(),
    }


def answer(routes: Routes, request: Request, now: datetime) -> Response:
    """Find who answers, and turn a refusal into its response."""
    handler = routes.get((request.method, request.path), _nothing)
    try:
        return handler(request, now)
    except HttpError as error:
        return refusal(error)


def _nothing(request: Request, _now: datetime) -> Response:
    raise HttpError(404, f"nothing answers {request.method} {request.path} here")


def refusal(error: HttpError) -> Response:
    """A refusal in the form that Fulcio and Rekor share."""
    return json_response({"code": error.status, "message": error.message}, error.status)


class SigstoreServer(ThreadingTCPServer):
    """A bound server; `url` is where it answers once `serve_forever` runs.

    Raises:
        OSError: the port is taken.
    """

    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, sigstore: LocalSigstore, port: int, clock: Callable[[], datetime]) -> None:
        super().__init__((LOOPBACK, port), _Connection)
        self.url = f"http://{LOOPBACK}:{self.server_address[1]}"
        self.clock = clock
        self.routes = routes_of(sigstore, self.url)

    def handle_error(self, request: object, client_address: object) -> None:
        """Note a connection that broke; the socket server's own way is a traceback on stderr."""
        logger.opt(exception=True).debug("connection {} from {} broke", request, client_address)


class _Connection(BaseHTTPRequestHandler):
    """One request; HTTP/1.0, so that no connection outlives it."""

    server: SigstoreServer
    timeout = IDLE_TIMEOUT

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def _answer(self) -> None:
        try:
            response = answer(self.server.routes, self._request(), self.server.clock())
        except HttpError as error:
            response = refusal(error)
        except Exception:  # noqa: BLE001 - a fault in one request must not end the connection without an answer
            logger.exception("the local Sigstore failed to answer {} {}", self.command, self.path)
            response = refusal(HttpError(500, "internal error; see the server's log"))
        self._send(response)

    def _request(self) -> Request:
        target = urlsplit(self.path)
        try:
            query = dict(parse_qsl(target.query, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS))
        except ValueError as error:
            raise HttpError(400, f"the query cannot be read: {error}") from error
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, target.path, query, headers, self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        if self.command == "GET":
            return b""
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise HttpError(411, "a body needs a Content-Length")
        if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            raise HttpError(413, f"a body may have {MAX_BODY} bytes")
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            raise HttpError(400, "the body ended early")
        return body

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Keep quiet unless somebody listens closely."""
        logger.trace(format.replace("%s", "{}"), *args)


@contextmanager
def serve(
    sigstore: LocalSigstore, *, port: int = 0, clock: Callable[[], datetime] = system_clock
) -> Iterator[str]:
    """Serve an instance in the background for as long as the context lasts, and yield its URL.

    Args:
        sigstore: the instance.
        port: the TCP port on the loopback address; 0 picks a free one.
        clock: what time it is, aware.

    Raises:
        OSError: the port is taken.
    """
    with SigstoreServer(sigstore, port, clock) as server:
        thread = threading.Thread(
            target=server.serve_forever, name="local-sigstore", kwargs={"poll_interval": 0.05}
        )
        thread.start()
        logger.warning(WARNING, server.url)
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()
