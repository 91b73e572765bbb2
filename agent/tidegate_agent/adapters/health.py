"""ports.HealthCheck by command and HTTP: what [[health.check]] describes."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from urllib3 import HTTPResponse  # noqa: TC002 # the class that mypy shall know a response by
from urllib3.connection import HTTPConnection, HTTPSConnection

from tidegate_agent.adapters.process import OUTPUT_BYTES, printable, run
from tidegate_agent.config.scalars import format_duration
from tidegate_agent.model import CheckResult, Health

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
        passed, output = False, f"{type(error).__name__}: {error}"
    return CheckResult(check.name, passed, check.required, printable(output.encode()[:OUTPUT_BYTES]))


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
    url = check.url or ""
    parts = urlsplit(url)
    timeout = check.timeout.total_seconds()
    host, port = parts.hostname or "", parts.port
    connection = (
        HTTPSConnection(host, port, timeout=timeout, ssl_context=ssl.create_default_context())
        if parts.scheme == "https"
        else HTTPConnection(host, port, timeout=timeout)
    )
    with closing(connection), _cut_after(connection, timeout) as cut:
        try:
            connection.connect()
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers={"User-Agent": "tidegate-agent", "Connection": "close"})
            response = connection.getresponse()
            status, body = response.status, _beginning(response)
        except (OSError, ValueError) as error:
            reason = f"no answer within {format_duration(check.timeout)}" if cut.is_set() else str(error)
            return False, f"{url}: {reason}"
    if status != check.status:
        return False, _joined(f"{url}: status {status}, expected {check.status}", body)
    return True, body


def _beginning(response: HTTPResponse) -> str:
    """The first bytes of a body, whatever it claims its length to be."""
    with closing(response):
        return printable(response.read(OUTPUT_BYTES))


@contextmanager
def _cut_after(connection: HTTPConnection, timeout_s: float) -> Iterator[threading.Event]:
    """Cut a connection when its time is up, even if single bytes keep dripping in; sets the event then."""
    cut = threading.Event()

    def _cut() -> None:
        cut.set()
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, _cut)
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()
        timer.join()


def _joined(reason: str, output: str) -> str:
    return f"{reason}: {output}" if output else reason
