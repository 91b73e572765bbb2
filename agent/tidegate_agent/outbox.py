"""Sends the journal's events, oldest first, and forgets each when the broker has acknowledged it.

At least once: what was sent but not acknowledged when a connection ends is sent again on the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.model import Outgoing, Protocol
from tidegate_schemas import events

if TYPE_CHECKING:
    from tidegate_agent.ports import Bus, Journal

IN_FLIGHT: Final = 16
"""Events on their way at once; below the 20 that Mosquitto takes by default."""


class Outbox:
    """Runs on the engine's thread."""

    def __init__(self, journal: Journal, bus: Bus, topic: str) -> None:
        self._journal = journal
        self._bus = bus
        self._topic = topic
        self._protocol: Protocol | None = None
        self._in_flight: set[int] = set()
        self._last = 0

    def connected(self, protocol: Protocol) -> None:
        """A new connection: everything that is not acknowledged goes out again."""
        self._protocol = protocol
        self._in_flight.clear()
        self._last = 0

    def disconnected(self) -> None:
        """Nothing can be sent until the next connection."""
        self._protocol = None

    def pump(self) -> None:
        """Send what there is, up to the limit in flight."""
        room = IN_FLIGHT - len(self._in_flight)
        if self._protocol is None or room <= 0:
            return
        for letter in self._journal.unsent(room, self._last):
            encoded = events.encode(letter.event, binary=self._protocol is Protocol.V5)
            message = Outgoing(
                token=letter.token,
                topic=self._topic,
                payload=encoded.payload,
                content_type=encoded.content_type,
                properties=encoded.properties,
            )
            if not self._bus.publish(message):
                return
            self._in_flight.add(letter.token)
            self._last = letter.token

    def acknowledged(self, token: int) -> None:
        """The broker has one: forget it and send the next."""
        if token in self._in_flight:
            self._in_flight.discard(token)
            self._journal.sent(token)
            self.pump()
