"""ports.HealthCheck by command and HTTP: what [[health.check]] describes."""

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

from tidegate_agent.config.scalars import format_duration
from tidegate_agent.model import CheckResult, Health
from tidegate_agent.process import OUTPUT_BYTES, printable, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate_agent.config.checks import CheckSettings


class CommandAndHttpHealth:
    """One round asks every check once, in order, each within its own timeout."""

    def __init__(self, checks: Sequence[CheckSettings]) -> None:
        self._checks = tuple(checks)

    def run(self) -> Health:
        """One round of all checks. Never raises."""
        return Health(tuple(_result(check) for check in self._checks))


def _result(check: CheckSettings) -> CheckResult:
    try:
        passed, output = _ask_command(check) if check.command is not None else _ask_http(check)
    except Exception as error:  # noqa: BLE001 # whatever goes wrong, the check has not passed and the round goes on
        passed, output = False, printable(f"{type(error).__name__}: {error}".encode())
    return CheckResult(check.name, passed, check.required, output[:OUTPUT_BYTES])


def _ask_command(check: CheckSettings) -> tuple[bool, str]:
    """Whether the command exits with 0, and the end of its output."""
    argv = check.command or ()
    try:
        finished = run(argv, check.timeout.total_seconds(), {"TIDEGATE_CHECK": check.name})
    except OSError as error:
        return False, f"{argv[0]} cannot be run: {error.strerror}"
    if finished.status is None:
        return False, _joined(
            f"ended after {format_duration(check.timeout)} without an answer", finished.output
        )
    if finished.status < 0:
        return False, _joined(f"ended by signal {-finished.status}", finished.output)
    if finished.status > 0:
        return False, _joined(f"exit status {finished.status}", finished.output)
    return True, finished.output


def _ask_http(check: CheckSettings) -> tuple[bool, str]:
    """Whether the URL answers with the expected status. Redirects are answers, not invitations."""
    url, timeout = check.url or "", check.timeout.total_seconds()
    late = f"{url}: no answer within {format_duration(check.timeout)}"
    cut = threading.Event()
    try:
        with closing(_connection(url, timeout)) as connection, _cut_after(timeout, connection, cut):
            status, body = _get(connection, url)
    except (OSError, ValueError, HTTPError, HTTPException) as error:
        return False, late if cut.is_set() else f"{url}: {error}"
    # A cut that falls between two headers looks like their end.
    if cut.is_set():
        return False, late
    if status != check.status:
        return False, _joined(f"{url}: status {status}, expected {check.status}", body)
    return True, body


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


def _joined(reason: str, output: str) -> str:
    """A reason and the end of what was said, together no longer than an output may be."""
    room = OUTPUT_BYTES - len(reason) - len(": ")
    return f"{reason}: {output[-room:]}" if output and room > 0 else reason
