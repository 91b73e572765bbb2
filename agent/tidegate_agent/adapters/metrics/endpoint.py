"""A socket that Prometheus asks: `GET /metrics`, and nothing else. One caller after the other.

Whoever may reach it may read it: the configuration keeps it on loopback, or a socket's folder says who may.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, Final

from loguru import logger
from prometheus_client import CONTENT_TYPE_LATEST

from tidegate_agent.config.metrics import UNIX, split_address
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

CALLER_WITHIN_S: Final = 2.0
"""How long each word of a caller may take, while others wait; in seconds."""

_ENDS_WITHIN_S: Final = 1.0


class _Server(TCPServer):
    allow_reuse_address = True
    request_queue_size = 4

    def __init__(self, listen: str, render: Callable[[], bytes]) -> None:
        self.render = render
        if listen.startswith(UNIX):
            self.address_family = socket.AF_UNIX
            address: Any = listen.removeprefix(UNIX)
            Path(address).unlink(missing_ok=True)
        else:
            host, port = split_address(listen)
            address = "127.0.0.1" if host == "localhost" else host, port
            self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of callers that hang up: any of them can, as often as it likes."""


class _Handler(BaseHTTPRequestHandler):
    timeout = CALLER_WITHIN_S
    server: _Server
    server_version = "tidegate-agent"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND, explain="The numbers are at /metrics.")
            return
        body = self.server.render()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Say nothing: it is asked every few seconds."""


class Endpoint:
    """Answers on a thread of its own. Where nobody can be awaited, updates go on all the same.

    Args:
        listen: as `config.metrics.MetricsSettings.listen`.
        render: what is answered.
    """

    def __init__(self, listen: str, render: Callable[[], bytes]) -> None:
        self._listen = listen
        self._render = render
        self._server: _Server | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="metrics", daemon=True)

    @property
    def port(self) -> int | None:
        """The port in use; None before the start, after the end, and for a socket's path."""
        if self._server is None or self._listen.startswith(UNIX):
            return None
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        try:
            self._server = _Server(self._listen, self._render)
            if self._listen.startswith(UNIX):
                Path(self._listen.removeprefix(UNIX)).chmod(0o660)
        except OSError as error:
            text = "[{}] metrics.listen: {} cannot be used: {}; nobody is answered there"
            logger.error(text, Code.CONFIG_VALUE, self._listen, error.strerror)
            return
        self._thread.start()

    def stop(self) -> None:
        """Answer no more. Idempotent."""
        server, self._server = self._server, None
        if server is None:
            return
        self._stopped.set()
        # shutdown wakes who waits for callers; close alone would leave it waiting.
        with contextlib.suppress(OSError):
            server.socket.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(_ENDS_WITHIN_S)
        server.server_close()
        if self._listen.startswith(UNIX):
            Path(self._listen.removeprefix(UNIX)).unlink(missing_ok=True)

    def _serve(self) -> None:
        while (server := self._server) is not None and not self._stopped.is_set():
            server.handle_request()
