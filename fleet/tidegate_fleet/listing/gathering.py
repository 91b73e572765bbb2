"""Reads from the broker what it has in store of a fleet, then what comes.

MQTT does not say when all retained messages have come: they have when none came for a while. A fleet that is
busy meanwhile does not keep that from being noticed, and a broker that never comes to an end is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from tidegate_fleet.announced import Announced
from tidegate_fleet.hosts import Channel
from tidegate_fleet.words import read_host_message
from tidegate_schemas.status import HostStatus
from tidegate_schemas.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate_fleet.listing.register import Register
    from tidegate_fleet.listing.rows import Row
    from tidegate_wire.mqtt.messages import Message

QUIET_S: Final = 2.0
"""Without a retained message for so long, all of them have come."""


class Ears(Protocol):
    """A connection that is listened to: `tidegate_wire.mqtt.session.PublisherSession` is one."""

    def listen(self, filters: Sequence[str]) -> None:
        """Subscribe. Raises BusError: the broker refuses."""
        ...

    def heard(self, timeout_s: float) -> list[Message]:
        """What has come since, waited for up to so long. Raises BusError: the connection is lost."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """Where it is read from.

    Attributes:
        session: the broker.
        topics: the topics in use.
        read_statement: reads what a channel holds; never raises.
        now: our clock.
        seconds: one that is never set.
    """

    session: Ears
    topics: Topics
    read_statement: Callable[[Channel, bytes], Announced]
    now: Callable[[], datetime]
    seconds: Callable[[], float] = time.monotonic


class Gathering:
    """Fills a register.

    Args:
        source: where from.
        register: what is filled.

    Attributes:
        passed_over: messages that are no word of a host and no statement.
    """

    def __init__(self, source: Source, register: Register) -> None:
        self.passed_over = 0
        self._source = source
        self._register = register
        self._session = source.session

    def begin(self) -> None:
        """Ask for it. Raises BusError: the broker refuses."""
        self._session.listen([self._source.topics.all_channels, *self._source.topics.all_presence])

    def stored(self, most_s: float, quiet_s: float = QUIET_S) -> bool:
        """Take in what the broker has in store.

        Args:
            most_s: how long that may take.
            quiet_s: without a retained message for so long, all have come.

        Returns:
            Whether all of it came, as far as anybody can tell.

        Raises:
            BusError: the connection is lost.
        """
        seconds = self._source.seconds
        began = last = seconds()
        while (now := seconds()) - last < quiet_s:
            if now - began >= most_s:
                return False
            for message in self._session.heard(min(quiet_s - (now - last), most_s - (now - began))):
                if message.retained:
                    last = seconds()
                self._take(message)
        return True

    def news(self, timeout_s: float) -> Iterator[Row]:
        """The rows that changed by what has come since, waited for up to so long.

        Raises:
            BusError: the connection is lost.
        """
        for message in self._session.heard(timeout_s):
            yield from self._take(message)

    def _take(self, message: Message) -> tuple[Row, ...]:
        topics, register = self._source.topics, self._register
        channel = topics.parse_channel(message.topic)
        if channel is not None:
            self._take_statement(channel, message.payload)
            return ()
        heard = read_host_message(message, topics)
        if isinstance(heard, HostStatus):
            return register.take(heard, self._source.now())
        # An empty message says that nothing is retained any more (MQTT 5.0, 3.3.1.3).
        self.passed_over += bool(message.payload)
        return ()

    def _take_statement(self, channel: Channel, payload: bytes) -> None:
        if payload:
            self._register.announce(channel, self._source.read_statement(channel, payload))
        else:
            self._register.withdraw(channel)
