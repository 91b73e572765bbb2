"""Ending a blocking read from outside.

A socket's timeout bounds each wait for a byte, not a line made of many: a header, a chunk's length or a
trailer that comes one byte at a time would hold its reader for days. Where a read may consist of several
waits, a timer ends it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from tidegate_wire.registry.whole_headers import WholeHeaders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def ended_after(seconds: float, end: Callable[[], object]) -> Iterator[None]:
    """Call `end` from another thread when the block takes longer than `seconds`.

    Raises:
        TimeoutError: it took longer, and `end` made it return as if it were done.
    """
    fired = threading.Event()

    def fire() -> None:
        fired.set()
        # What is closed already needs no ending.
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            end()

    timer = threading.Timer(seconds, fire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
    if fired.is_set():
        raise TimeoutError(f"not complete after {seconds:g} s")


def bounded_pools(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's connection pools, by scheme, that wait at most `seconds` for all headers of an answer."""

    def receive(connection: HTTPConnection, getresponse: Callable[[], HTTPResponse]) -> HTTPResponse:
        sock: socket.socket | None = connection.sock
        if sock is None:
            return getresponse()
        with ended_after(seconds, lambda: sock.shutdown(socket.SHUT_RD)):
            return getresponse()

    class Plain(HTTPConnection):
        response_class = WholeHeaders

        def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3's own stub does
            return receive(self, super().getresponse)

    class Secure(HTTPSConnection):
        response_class = WholeHeaders

        def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3's own stub does
            return receive(self, super().getresponse)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
