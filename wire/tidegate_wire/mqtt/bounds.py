"""What a broker takes of us: so many messages that it has not acknowledged, and none that is too large.

An MQTT 5 broker says so in its CONNACK and hangs up on whoever does not keep to it; 3.1.1 has no such words.
paho keeps to neither, but holds back by itself what is more than MAX_IN_FLIGHT.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Final

from tidegate_wire.mqtt.client import MAX_IN_FLIGHT

if TYPE_CHECKING:
    from paho.mqtt.properties import Properties

    from tidegate_wire.mqtt.messages import Publication

_PACKET_BYTES: Final = 268_435_460
# Fixed header, packet id, lengths and the names of the properties: what a PUBLISH has besides its strings.
_OVERHEAD_BYTES: Final = 64
_PAIR_BYTES: Final = 5


class Bounds:
    """The bounds of one connection. Thread-safe.

    Attributes:
        packet_bytes: the largest packet that the broker takes.
    """

    def __init__(self) -> None:
        self.packet_bytes = _PACKET_BYTES
        self._lock = threading.Lock()
        self._at_once: int | None = None
        self._under_way = 0

    def learn(self, properties: Properties | None) -> None:
        """Read a CONNACK (MQTT 5.0, 3.2.2.3.3 and 3.2.2.3.6)."""
        at_once = getattr(properties, "ReceiveMaximum", MAX_IN_FLIGHT)
        self._at_once = None if at_once >= MAX_IN_FLIGHT else at_once
        self.packet_bytes = getattr(properties, "MaximumPacketSize", _PACKET_BYTES)

    def begin(self) -> bool:
        """Count one more message as under way; False, and nothing is counted, when there are enough."""
        with self._lock:
            if self._at_once is not None and self._under_way >= self._at_once:
                return False
            self._under_way += 1
            return True

    def end(self) -> None:
        """One less is under way."""
        with self._lock:
            self._under_way -= 1


def size_of(publication: Publication) -> int:
    """About how many bytes the packet has that carries it, and no fewer."""
    pairs = publication.properties
    strings = (publication.topic, publication.content_type, *itertools.chain(*pairs))
    texts = sum(len(each.encode()) for each in strings)
    return len(publication.payload) + texts + _OVERHEAD_BYTES + _PAIR_BYTES * len(pairs)
