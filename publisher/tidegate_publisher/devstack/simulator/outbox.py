"""What a host has to tell and the broker has not acknowledged yet, in order. Pure.

As the agent's (docs/protocol.md, "Delivery"): at least once, oldest first, sixteen under way, kept across
connections and boots. An id that was there before is not told again.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tidegate_schemas.events import UpdateEvent

IN_FLIGHT: Final = 16


class Outbox:
    """The events of one host, by id."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, UpdateEvent] = OrderedDict()
        self._in_flight: set[str] = set()
        # Hashes, not ids: forty ids of ten thousand hosts would be the half of a process's memory.
        self._known: set[int] = set()

    def __len__(self) -> int:
        """How many are not acknowledged."""
        return len(self._waiting)

    def put(self, event: UpdateEvent) -> bool:
        """Take an event in; False when it is known already."""
        name = hash(event.id)
        if name in self._known:
            return False
        self._known.add(name)
        self._waiting[event.id] = event
        return True

    def take(self) -> list[UpdateEvent]:
        """The next ones to send, which count as under way from now on."""
        room = IN_FLIGHT - len(self._in_flight)
        chosen: list[UpdateEvent] = []
        if room <= 0 or len(self._in_flight) == len(self._waiting):
            return chosen
        for name, event in self._waiting.items():
            if len(chosen) == room:
                break
            if name not in self._in_flight:
                chosen.append(event)
        self._in_flight.update(event.id for event in chosen)
        return chosen

    def give_back(self, name: str) -> None:
        """One could not be sent after all."""
        self._in_flight.discard(name)

    def acknowledged(self, name: str) -> bool:
        """The broker has it; False when nothing was known of it."""
        self._in_flight.discard(name)
        return self._waiting.pop(name, None) is not None

    def connection_lost(self) -> None:
        """All that is not acknowledged goes out again with the next connection."""
        self._in_flight.clear()
