"""A TCP proxy whose connections can be cut, to lose a client without its process."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Gate:
    """Lets so many bytes through in all, then holds until it is opened. Give it to a proxy.

    Attributes:
        held: set once something is held.
    """

    def __init__(self, after: int) -> None:
        self.held = threading.Event()
        self._left = after
        self._opened = threading.Event()

    def __call__(self, length: int) -> None:
        self._left -= length
        if self._left < 0 and not self._opened.is_set():
            self.held.set()
            self._opened.wait(60)

    def open(self) -> None:
        """Hold nothing any more."""
        self._opened.set()


class CuttableProxy:
    """Forwards 127.0.0.1:`port` to another port of loopback.

    Args:
        target_port: where to.
        before_reply: called with the length of each piece that comes back, before it is handed on; it may
            take its time.
    """

    def __init__(self, target_port: int, before_reply: Callable[[int], None] = lambda _: None) -> None:
        self._target_port = target_port
        self._before_reply = before_reply
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._severed = False
        self._threads = [threading.Thread(target=self._accept)]

    def cut(self) -> None:
        """Reset every connection on both sides, and let none through until `mend`: nobody says goodbye."""
        with self._lock:
            self._severed = True
            for one in self._sockets:
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.shutdown(socket.SHUT_RDWR)
            self._sockets.clear()

    def mend(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._severed = False

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join(10)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if not self._join(client):
                client.close()

    def _join(self, client: socket.socket) -> bool:
        with self._lock:
            if self._severed:
                return False
            try:
                upstream = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                return False
            self._sockets += [client, upstream]
        thread = threading.Thread(target=self._carry_both, args=(client, upstream))
        self._threads.append(thread)
        thread.start()
        return True

    def _carry_both(self, client: socket.socket, upstream: socket.socket) -> None:
        back = threading.Thread(target=_carry, args=(upstream, client, self._before_reply))
        back.start()
        _carry(client, upstream, lambda _: None)
        back.join()
        client.close()
        upstream.close()


def _carry(source: socket.socket, sink: socket.socket, before: Callable[[int], None]) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            before(len(data))
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
