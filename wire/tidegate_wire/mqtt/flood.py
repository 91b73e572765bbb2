"""A bound on what one incoming packet may make us hold.

MQTT allows packets of 256 MiB, and paho gathers a whole packet before it tells of it. An MQTT 5 broker is
asked to hold large ones back, a 3.1.1 broker cannot be asked, and a hostile one does as it likes. The kernel
counts what came over the connection: when that has grown too far since the last complete packet, the
connection is given up.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PACKET_BYTES: Final = 1024 * 1024
"""The largest packet we take. Well above a statement: one that is too large shall be noticed, not vanish."""

# paho reads the buffer up to a hundred times between two looks at the count, which is what this bounds.
_RECEIVE_BUFFER: Final = 64 * 1024
# struct tcp_info of linux/tcp.h, since Linux 4.1: tcpi_bytes_received is a u64 at this offset.
_BYTES_RECEIVED: Final = 128


class FloodGuard:
    """Watches one connection. `descriptor` is the file descriptor of its TCP socket."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        with _borrowed(descriptor) as tcp:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            # What waits in the kernel may belong to later packets; TLS and WebSocket add some in a thousand.
            waiting = tcp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._allowed = MAX_PACKET_BYTES + MAX_PACKET_BYTES // 64 + waiting
        self._at_last_packet = 0

    def packet_complete(self) -> None:
        """A packet has come to its end."""
        self._at_last_packet = self.received()

    def exceeded(self) -> bool:
        """Whether the packet that is coming in is larger than is allowed."""
        return self.received() - self._at_last_packet > self._allowed

    def received(self) -> int:
        """Bytes that have come over the connection so far."""
        with _borrowed(self._descriptor) as tcp:
            info = tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_RECEIVED + 8)
        count: int = struct.unpack_from("=Q", info, _BYTES_RECEIVED)[0]
        return count


@contextlib.contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """The socket behind a descriptor that somebody else owns, be it wrapped in TLS or WebSocket."""
    tcp = socket.socket(fileno=descriptor)
    try:
        yield tcp
    finally:
        tcp.detach()
