"""Many MQTT 3.1.1 connections that do next to nothing: a broker's ceiling, when its clients are no hindrance.

Packets are bytes that were put together once. One thread, one epoll. Beside it stands what hosts and
collectors reach on the same broker in the same run.
"""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from tests.bench.scale.connection import Connection
from tests.bench.scale.packets import PING, hello, subscription
from tidegate_wire.mqtt.endpoint import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KEEPALIVE_S: Final = 600
_AT_ONCE: Final = 64
"""Connections that are being opened at a time: a storm is another measurement."""


class RawClients:
    """Connections to one broker. A context manager.

    Args:
        urls: of the broker's nodes; connections are spread over them.
        prefix: of the client ids.
        bears_loss: count connections that the broker closes, instead of failing.

    Attributes:
        connections: that are open.
        lost: that were closed by the broker, and not opened anew.
    """

    def __init__(self, urls: Sequence[str], prefix: str = "raw", *, bears_loss: bool = False) -> None:
        self._urls = urls
        self._prefix = prefix
        self._bears_loss = bears_loss
        self._made = 0
        self._selector = selectors.DefaultSelector()
        self._unsent: set[Connection] = set()
        self.connections: list[Connection] = []
        self.lost = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.connections:
            connection.socket.close()
        self._selector.close()

    def connect(
        self, count: int, filters: tuple[str, ...] = (), qos: int = 1, timeout_s: float = 600
    ) -> None:
        """Open so many more connections, each subscribed to the filters."""
        deadline = time.monotonic() + timeout_s
        for begin in range(0, count, _AT_ONCE):
            batch = [self._open() for _ in range(min(_AT_ONCE, count - begin))]
            self.turn(lambda batch=batch: all(one.ready for one in batch), deadline)  # type: ignore[misc] # bound now
            for one in batch if filters else ():
                one.ready = False
                self._send(one, subscription(filters, qos))
            self.turn(lambda batch=batch: all(one.ready for one in batch), deadline)  # type: ignore[misc] # the same

    def publish(self, packets: Sequence[Sequence[bytes]]) -> None:
        """Give each connection what it is to send; `turn` sends it."""
        for connection, own in zip(self.connections, packets, strict=True):
            connection.waiting = list(reversed(own))
            self._unsent.add(connection)

    def ping(self, times: int, deadline: float) -> None:
        """Ping so often on each connection, and wait for all answers."""
        wanted = sum(one.pongs for one in self.connections) + times * len(self.connections)
        for _ in range(times):
            for one in self.connections:
                self._send(one, PING)
        self.turn(lambda: sum(one.pongs for one in self.connections) >= wanted, deadline)

    @property
    def received(self) -> int:
        """Messages that came, over all connections."""
        return sum(one.received for one in self.connections)

    @property
    def arrivals(self) -> list[float]:
        """When the newest message of each connection came, monotonic."""
        return [one.newest for one in self.connections]

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
            try:
                key.data.read()
            except OSError:
                self._lose(key.data)
                continue
            self._unsent.add(key.data)

    def reopen(self, deadline: float, filters: tuple[str, ...], qos: int) -> int:
        """Connect anew, elsewhere, as many as were lost; how many that were."""
        self.turn(lambda: bool(self.lost), deadline)
        count = 0
        while self.lost:
            lost, self.lost = self.lost, 0
            count += lost
            self.connect(lost, filters, qos)
        return count

    def _lose(self, connection: Connection) -> None:
        """One that the broker has closed."""
        if not self._bears_loss:
            raise ConnectionResetError(f"{connection.name}: the broker closed the connection")
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self.connections.remove(connection)
        self._unsent.discard(connection)
        self.lost += 1

    def _send(self, connection: Connection, packet: bytes) -> None:
        connection.send(packet)
        self._unsent.add(connection)

    def _open(self) -> Connection:
        self._made += 1
        made = self._reach(self._made)
        made.settimeout(0)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(f"{self._prefix}-{self._made}", made)
        self._send(connection, hello(connection.name, _KEEPALIVE_S))
        self.connections.append(connection)
        self._selector.register(made, selectors.EVENT_READ, connection)
        return connection

    def _reach(self, number: int) -> socket.socket:
        """A socket to one node, or to the next one that is there."""
        for url in (*self._urls[number % len(self._urls) :], *self._urls):
            endpoint = parse_url(url)
            with suppress(ConnectionRefusedError):
                return socket.create_connection((endpoint.host, endpoint.port), timeout=60)
        raise ConnectionRefusedError(f"{self._prefix}: no node of {', '.join(self._urls)} takes connections")
