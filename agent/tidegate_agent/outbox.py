"""Sends the journal's events, oldest first, and forgets each when the broker has acknowledged it.

At least once: what was sent but not acknowledged when a connection ends is sent again on the next. What the
broker refuses, because it is full, say, is offered again after a while, and nothing newer meanwhile. Where
the host has a device key, an event goes out signed or not at all (`sealing`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tidegate_agent.model import Outgoing, Protocol
from tidegate_agent.sealing import fitting
from tidegate_agent.thinning import SPARED
from tidegate_schemas import events, media_types

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_agent.ports import Bus, Journal
    from tidegate_agent.records import Letter
    from tidegate_agent.sealing import Sealing

IN_FLIGHT: Final = SPARED
"""Events on their way at once; below the 20 that Mosquitto takes by default."""

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)


class Outbox:
    """Runs on the engine's thread.

    Args:
        journal: where the events are.
        bus: where they go.
        topic: the host's events.
        later: has `try_again` called when so much time has passed.
        sealing: signs them, where the host has a device key.

    Attributes:
        dropped: how many events were given up, because too many waited.
    """

    def __init__(
        self,
        journal: Journal,
        bus: Bus,
        topic: str,
        later: Callable[[timedelta], None],
        sealing: Sealing | None = None,
    ) -> None:
        self.dropped = 0
        self._journal = journal
        self._bus = bus
        self._topic = topic
        self._later = later
        self._sealing = sealing
        self._protocol: Protocol | None = None
        self._in_flight: set[int] = set()
        self._refused: set[int] = set()
        self._pause = FIRST_PAUSE
        self._last = 0

    def connected(self, protocol: Protocol) -> None:
        """A new connection: everything that is not acknowledged goes out again."""
        self._protocol = protocol
        self._in_flight.clear()
        self._refused.clear()
        self._last = 0

    def disconnected(self) -> None:
        """Nothing can be sent until the next connection."""
        self._protocol = None

    def recount(self) -> None:
        """See how many events were given up."""
        self.dropped = self._journal.dropped()

    def pump(self) -> None:
        """Send what there is, up to the limit in flight."""
        room = IN_FLIGHT - len(self._in_flight)
        if self._protocol is None or self._refused or room <= 0:
            return
        waiting = self._journal.unsent(IN_FLIGHT, self._last)
        letters = [each for each in waiting if each.token not in self._in_flight][:room]
        # What is not signed yet holds up what comes after it: the order is kept.
        for letter, encoded in zip(letters, self._encoded(letters), strict=False):
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
            # Written down first: what the disk does not take is still in flight when that is tried again.
            self._journal.sent(token)
            self._in_flight.discard(token)
            self._pause = FIRST_PAUSE
            if self._sealing is not None:
                self._sealing.forget(token)
            self.pump()

    def refused(self, token: int) -> None:
        """The broker does not take one, now or ever: the others wait with it for a while."""
        if token in self._in_flight:
            if not self._refused:
                self._later(self._pause)
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
            self._refused.add(token)

    def try_again(self) -> None:
        """Offer again what was refused, and go on behind it."""
        if self._refused:
            self._last = min(self._refused) - 1
            self._in_flight -= self._refused
            self._refused.clear()
            self.pump()

    def _encoded(self, letters: Sequence[Letter]) -> list[events.Encoded]:
        if self._sealing is not None:
            sealed = self._sealing.sealed(letters)
            return [events.Encoded(message, media_types.ENVELOPE, ()) for message in sealed]
        binary = self._protocol is Protocol.V5
        return [events.encode(fitting(letter.event), binary=binary) for letter in letters]
