"""A broker that says exactly what a test tells it to, byte by byte."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

CONNACK_5 = bytes.fromhex("2003000000")
CONNACK_311 = bytes.fromhex("20020000")


class Peer:
    """One client's connection, as the script sees it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def read(self) -> tuple[int, bytes]:
        """The next packet: its first byte and what follows the length. ConnectionError at the end."""
        first = self._exactly(1)[0]
        length = shift = 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return first, self._exactly(length)

    def send(self, data: bytes) -> None:
        """Any bytes."""
        self._connection.sendall(data)

    def accept(self, connack: bytes = CONNACK_5) -> None:
        """Let the client in and grant its subscription (MQTT 5 and 3.1.1 differ by one length byte)."""
        self.read()
        self.send(connack)
        _, subscribe = self.read()
        properties = b"\x00" if connack == CONNACK_5 else b""
        body = subscribe[:2] + properties + b"\x01"
        self.send(b"\x90" + bytes([len(body)]) + body)

    def linger(self) -> None:
        """Read until the client goes away."""
        with contextlib.suppress(OSError):
            while True:
                self.read()

    def quiet(self, seconds: float) -> bool:
        """Whether nothing more comes for so long."""
        ready, _, _ = select.select([self._connection], [], [], seconds)
        return not ready

    def leave(self) -> None:
        """Hang up in such a way that all that was sent arrives: a socket closed on unread data resets."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
        self.linger()

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._connection.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data


class ScriptedBroker:
    """Plays one script for each connection, and the last one for all that follow. Closes when a script ends.

    Attributes:
        url: where it listens.
        connections: how many clients have come.
    """

    def __init__(self, *scripts: Callable[[Peer], None]) -> None:
        self._scripts = list(scripts)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._current: socket.socket | None = None
        self.url = f"mqtt://127.0.0.1:{self._server.getsockname()[1]}"
        self.connections = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        if self._current is not None:
            with contextlib.suppress(OSError):
                self._current.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            self._current = connection
            with connection, contextlib.suppress(OSError):
                script(Peer(connection))
