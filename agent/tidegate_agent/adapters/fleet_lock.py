"""ports.RebootLock by the FleetLock protocol: a counting semaphore that a fleet shares, over HTTP.

Source: https://coreos.github.io/zincati/development/fleetlock/protocol/. A slot belongs to the client's id:
a host that comes back from its reboot still holds it, and taking or giving twice does no harm.

Only the status 200 grants. Whatever else comes, or does not come in time, is a refusal in words: redirects,
other statuses, certificates that are not trusted, answers that drip.
"""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import closing
from http.client import HTTPException
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from loguru import logger
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from tidegate_agent.adapters.causes import cause_of
from tidegate_agent.plaintext import one_line
from tidegate_wire.registry.deadline import ended_after

if TYPE_CHECKING:
    from pathlib import Path

ANSWER_BYTES: Final = 4096
"""How much of an answer is read: kind and value are short."""

VALUE_CHARACTERS: Final = 200
"""How much of the server's reason is passed on."""

_GRANTED: Final = 200


class FleetLock:
    """One host's place at a FleetLock server. Each call asks the server once.

    Args:
        base: the server's base URL; `/v1/pre-reboot` and `/v1/steady-state` are below it.
        client: the host's id, the same over all its boots.
        group: the reboot group: `[a-zA-Z0-9.-]+`.
        ca_file: PEM file in the place of the system's certificate authorities.
        timeout_s: for one question and its whole answer, in seconds.
    """

    def __init__(
        self,
        base: str,
        client: str,
        group: str = "default",
        ca_file: Path | None = None,
        timeout_s: float = 20.0,
    ) -> None:
        self._base = base.rstrip("/")
        self._body = json.dumps({"client_params": {"id": client, "group": group}}).encode()
        self._ca_file = ca_file
        self._timeout_s = timeout_s

    def acquire(self) -> str | None:
        """Take a slot, or find that this host holds one. None when it does; else why not. Never raises."""
        why = self._ask("/v1/pre-reboot")
        return None if why is None else f"the fleet lock at {self._base} is not granted: {why}"

    def release(self) -> bool:
        """Give the slot back; True when it is known not to be held by this host any more. Never raises."""
        why = self._ask("/v1/steady-state")
        if why is not None:
            logger.warning("the fleet lock at {} is not given back: {}", self._base, why)
        return why is None

    def _ask(self, path: str) -> str | None:
        """Ask once; None when the server agrees, else why not."""
        try:
            with closing(self._connection()) as connection:
                status, body = self._post(connection, path)
        except (OSError, ValueError, HTTPError, HTTPException) as error:
            return one_line(cause_of(error))[:VALUE_CHARACTERS]
        return None if status == _GRANTED else _reason(status, body)

    def _connection(self) -> HTTPConnection:
        parts = urlsplit(self._base)
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self._ca_file)
            return HTTPSConnection(host, parts.port, timeout=self._timeout_s, ssl_context=context)
        return HTTPConnection(host, parts.port, timeout=self._timeout_s)

    def _post(self, connection: HTTPConnection, path: str) -> tuple[int, bytes]:
        """The status and the first bytes of the body, within the time for all of it.

        Raises:
            TimeoutError: it took longer; how far it got does not count.
        """
        headers = {
            "fleet-lock-protocol": "true",
            "Content-Type": "application/json",
            "User-Agent": "tidegate-agent",
            "Connection": "close",
        }
        target = urlsplit(self._base).path + path
        with ended_after(self._timeout_s, lambda: _cut(connection)):
            connection.request("POST", target, self._body, headers, preload_content=False)
            with closing(connection.getresponse()) as response:
                # The status alone grants: its reason is only read where it is told.
                body = b"" if response.status == _GRANTED else response.read(ANSWER_BYTES)
                return response.status, body


def _cut(connection: HTTPConnection) -> None:
    sock: socket.socket | None = connection.sock
    if sock is not None:
        sock.shutdown(socket.SHUT_RDWR)


def _reason(status: int, body: bytes) -> str:
    """What the server says of its refusal, if it says so in the form of the protocol."""
    try:
        answer = json.loads(body)
        kind, value = str(answer["kind"]), str(answer["value"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return f"it answers with HTTP status {status}"
    return f"{one_line(value)[:VALUE_CHARACTERS]} ({one_line(kind)[:64]}, HTTP status {status})"
