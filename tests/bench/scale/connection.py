"""One MQTT connection that does next to nothing: what comes is counted and acknowledged, not understood."""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Final

from tests.bench.scale.packets import take_packet

_ROOM: Final = 1 << 18
_IN_FLIGHT: Final = 16
"""Messages that one connection has sent and has no acknowledgement for."""


@dataclass(slots=True, eq=False)
class Connection:
    """One client.

    Attributes:
        name: its client id.
        received: how many messages came.
        newest: when the last of them came, monotonic.
        ready: whether what it asked for last was granted.
        pongs: answers to its pings.
        waiting: what it has yet to send, last first.
    """

    name: str
    socket: socket.socket
    received: int = 0
    newest: float = 0.0
    ready: bool = False
    pongs: int = 0
    waiting: list[bytes] = field(default_factory=list)
    _in_flight: int = 0
    _in: bytearray = field(default_factory=bytearray)
    _out: bytearray = field(default_factory=bytearray)

    def send(self, packet: bytes) -> None:
        """Queue a packet."""
        self._out += packet

    def flush(self) -> bool:
        """Send what the network takes; whether more is left than it took."""
        while self.waiting and self._in_flight < _IN_FLIGHT:
            self._out += self.waiting.pop()
            self._in_flight += 1
        if self._out:
            try:
                sent = self.socket.send(self._out)
            except BlockingIOError:
                return True
            del self._out[:sent]
        return bool(self._out)

    def read(self) -> None:
        """Take in what came. Raises OSError when the connection is gone."""
        data = self.socket.recv(_ROOM)
        if not data:
            raise ConnectionResetError(self.name)
        self._in += data
        while (packet := take_packet(self._in)) is not None:
            self._take(*packet)

    def _take(self, head: int, body: bytes) -> None:
        match head >> 4:
            case 2:
                if body[1] != 0:
                    raise ConnectionRefusedError(f"{self.name}: CONNACK {body[1]}")
                self.ready = True
            case 9:
                self.ready = True
            case 4:
                self._in_flight -= 1
            case 13:
                self.pongs += 1
            case 3:
                self.received += 1
                self.newest = time.monotonic()
                if head & 0x06:
                    topic = struct.unpack(">H", body[:2])[0]
                    self._out += b"\x40\x02" + body[2 + topic : 4 + topic]

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be sent or acknowledged."""
        return not self.waiting and not self._in_flight and not self._out
