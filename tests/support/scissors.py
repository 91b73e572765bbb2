"""A TCP proxy that cuts each connection after an exact number of bytes: in headers, bodies and TLS records.

with Scissors(port, [Cut(100, "reset"), Cut(5_000, "end")]) as between: …

The first connection ends after 100 bytes of answers, the second after 5000; later ones are whole.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PIECE = 65536


@dataclass(frozen=True)
class Cut:
    """Where a connection ends: after so many bytes of answers, with a FIN or a RST."""

    after: int
    how: Literal["end", "reset"]


class Scissors:
    """Forwards 127.0.0.1:`port` to another port of loopback.

    Args:
        target_port: where to.
        cuts: for each connection in turn.
        listening: whether it takes connections from the beginning, or refuses them until `listen`.

    Attributes:
        port: where it listens.
        carried: bytes of answers that were let through, for each connection.
    """

    def __init__(self, target_port: int, cuts: Iterable[Cut] = (), *, listening: bool = True) -> None:
        self._target_port = target_port
        self._cuts = deque(cuts)
        self._server = socket.socket()
        self._server.bind(("127.0.0.1", 0))
        self._listening = listening
        self.port: int = self._server.getsockname()[1]
        self.carried: list[int] = []
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def listen(self) -> None:
        """Take connections from now on."""
        self._server.listen()
        self._threads[0].start()

    def __enter__(self) -> Self:
        if self._listening:
            self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        if self._threads[0].ident is None:
            self._threads.clear()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            # What lies in a buffer of ours, never read, would count as carried.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            upstream = socket.create_connection(("127.0.0.1", self._target_port))
            self._open += [client, upstream]
            self.carried.append(0)
            cut = self._cuts.popleft() if self._cuts else None
            known_as = client, upstream, cut, len(self.carried) - 1
            thread = threading.Thread(target=self._carry_both, args=known_as)
            self._threads.append(thread)
            thread.start()

    def _carry_both(
        self, client: socket.socket, upstream: socket.socket, cut: Cut | None, place: int
    ) -> None:
        place = len(self.carried) - 1
        asking = threading.Thread(target=_carry, args=(client, upstream))
        asking.start()
        with contextlib.suppress(OSError):
            self._answer(client, upstream, cut, place)
        if cut is not None and cut.how == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        for one, side in ((upstream, socket.SHUT_RDWR), (client, socket.SHUT_RD)):
            # So that the other thread's waiting ends, which would keep the connection open.
            with contextlib.suppress(OSError):
                one.shutdown(side)
        asking.join()
        client.close()
        upstream.close()

    def _answer(self, client: socket.socket, upstream: socket.socket, cut: Cut | None, place: int) -> None:
        left = None if cut is None else cut.after
        while left is None or left > 0:
            data = upstream.recv(_PIECE if left is None else min(_PIECE, left))
            if not data:
                return
            client.sendall(data)
            self.carried[place] += len(data)
            left = None if left is None else left - len(data)


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            sink.sendall(data)
