"""A health check by HTTP: healthy when the URL answers with the expected status."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from tidegate_agent.adapters.health.answer import Answer, failed, span, within
from tidegate_agent.process import OUTPUT_BYTES, printable

if TYPE_CHECKING:
    from collections.abc import Iterator


def ask_http(url: str, expected: int, timeout_s: float) -> Answer:
    """Whether the URL answers with the expected status. Redirects are answers, not invitations."""
    late = f"{url}: no answer within {span(timeout_s)}"
    # The resolver has no timeout of ours.
    return within(timeout_s, late, lambda: _ask(url, expected, timeout_s, late))


def _ask(url: str, expected: int, timeout_s: float, late: str) -> Answer:
    cut = threading.Event()
    try:
        with closing(_connection(url, timeout_s)) as connection, _cut_after(timeout_s, connection, cut):
            status, body = _get(connection, url)
    except (OSError, ValueError, HTTPError, HTTPException) as error:
        return failed(late if cut.is_set() else f"{url}: {error}")
    # A cut that falls between two headers looks like their end.
    if cut.is_set():
        return failed(late)
    if status != expected:
        return failed(f"{url}: status {status}, expected {expected}", body)
    return Answer(passed=True, output=body)


def _connection(url: str, timeout_s: float) -> HTTPConnection:
    """A connection that is not made yet; certificates are checked against the system's authorities."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return HTTPSConnection(host, parts.port, timeout=timeout_s, ssl_context=ssl.create_default_context())
    return HTTPConnection(host, parts.port, timeout=timeout_s)


def _get(connection: HTTPConnection, url: str) -> tuple[int, str]:
    """The status, and the first bytes of the body, whatever it claims its length to be."""
    connection.connect()
    connection.request(
        "GET",
        parse_url(url).request_uri,
        headers={"User-Agent": "tidegate-agent", "Connection": "close"},
        preload_content=False,
        decode_content=False,
    )
    with closing(connection.getresponse()) as response:
        return response.status, printable(response.read(OUTPUT_BYTES))


@contextmanager
def _cut_after(timeout_s: float, connection: HTTPConnection, cut: threading.Event) -> Iterator[None]:
    """Cut a connection when its time is up, even if single bytes keep dripping in; sets the event then."""

    def _cut() -> None:
        cut.set()
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, _cut)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
