"""Many MQTT 3.1.1 connections that do next to nothing: a broker's ceiling, when its clients are no hindrance.

Packets are bytes that were put together once; what comes in is counted and acknowledged, never understood.
One thread, one epoll. Beside it stands what hosts and collectors reach on the same broker in the same run.
Packet forms: OASIS MQTT 3.1.1, section 3.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from tidegate_wire.mqtt.endpoint import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ROOM = 1 << 18
_KEEPALIVE_S = 600
_AT_ONCE = 64
"""Connections that are being opened at a time: a storm is another measurement."""
_IN_FLIGHT = 16
"""Messages that one connection has sent and has no acknowledgement for."""


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


def _packet(head: int, body: bytes) -> bytes:
    length, left = bytearray(), len(body)
    while True:
        left, digit = left >> 7, left & 0x7F
        length.append(digit | (0x80 if left else 0))
        if not left:
            return bytes([head]) + bytes(length) + body


def publication(topic: str, payload: bytes, number: int = 1, *, retain: bool = False) -> bytes:
    """A PUBLISH at QoS 1."""
    return _packet(0x32 | retain, _text(topic) + struct.pack(">H", number) + payload)


@dataclass(slots=True, eq=False)
class Connection:
    """One client.

    Attributes:
        name: its client id.
        received: how many messages came.
        newest: when the last of them came, monotonic.
        waiting: what it has yet to send, last first.
    """

    name: str
    socket: socket.socket
    received: int = 0
    newest: float = 0.0
    ready: bool = False
    acknowledged: int = 0
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
        while (packet := self._next()) is not None:
            self._take(*packet)

    def _next(self) -> tuple[int, bytes] | None:
        size, shift, place = 0, 0, 1
        while place < len(self._in):
            digit = self._in[place]
            size, shift, place = size | (digit & 0x7F) << shift, shift + 7, place + 1
            if not digit & 0x80:
                break
        else:
            return None
        if len(self._in) < place + size:
            return None
        head, body = self._in[0], bytes(self._in[place : place + size])
        del self._in[: place + size]
        return head, body

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
                self.acknowledged += 1
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


class RawClients:
    """Connections to one broker. A context manager.

    Args:
        urls: of the broker's nodes; connections are spread over them.
        prefix: of the client ids.
    """

    def __init__(self, urls: Sequence[str], prefix: str = "raw") -> None:
        self._urls = urls
        self._prefix = prefix
        self._selector = selectors.DefaultSelector()
        self._unsent: set[Connection] = set()
        self.connections: list[Connection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.connections:
            connection.socket.close()
        self._selector.close()

    def connect(self, count: int, filters: Sequence[str] = (), timeout_s: float = 600.0) -> None:
        """Open so many more connections, each subscribed to the filters at QoS 1."""
        deadline = time.monotonic() + timeout_s
        for begin in range(0, count, _AT_ONCE):
            batch = [self._open() for _ in range(min(_AT_ONCE, count - begin))]
            self.turn(lambda batch=batch: all(one.ready for one in batch), deadline)  # type: ignore[misc] # bound now
            for one in batch if filters else ():
                one.ready = False
                wanted = b"".join(_text(each) + b"\x01" for each in filters)
                self._send(one, _packet(0x82, b"\x00\x01" + wanted))
            self.turn(lambda batch=batch: all(one.ready for one in batch), deadline)  # type: ignore[misc] # the same

    def publish(self, packets: Sequence[Sequence[bytes]]) -> None:
        """Give each connection what it is to send; `turn` sends it."""
        for connection, own in zip(self.connections, packets, strict=True):
            connection.waiting = list(reversed(own))
            self._unsent.add(connection)

    @property
    def received(self) -> int:
        """Messages that came, over all connections."""
        return sum(one.received for one in self.connections)

    def idle(self) -> bool:
        """Whether all has been sent and acknowledged."""
        return all(one.idle for one in self.connections)

    def turn(self, until: Callable[[], bool], deadline: float) -> None:
        """Send and receive until something is so. Raises TimeoutError when it never is."""
        while not until():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._prefix}: not done in time")
            self.once()

    def once(self, wait_s: float = 0.05) -> None:
        """Send what can be sent, and take in what is there."""
        self._unsent = {one for one in self._unsent if one.flush()}
        for key, _ in self._selector.select(0.001 if self._unsent else wait_s):
            key.data.read()
            self._unsent.add(key.data)

    def _send(self, connection: Connection, packet: bytes) -> None:
        connection.send(packet)
        self._unsent.add(connection)

    def _open(self) -> Connection:
        number = len(self.connections)
        endpoint = parse_url(self._urls[number % len(self._urls)])
        made = socket.create_connection((endpoint.host, endpoint.port), timeout=60)
        made.settimeout(0)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(f"{self._prefix}-{number}", made)
        hello = _text("MQTT") + b"\x04\x02" + struct.pack(">H", _KEEPALIVE_S) + _text(connection.name)
        self._send(connection, _packet(0x10, hello))
        self.connections.append(connection)
        self._selector.register(made, selectors.EVENT_READ, connection)
        return connection
