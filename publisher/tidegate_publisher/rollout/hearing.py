"""What of all that is heard counts for a run.

Everything on a host's topic is a claim of whoever may write there. With device keys only signed events move a
host: its status then tells labels and presence, and nothing of how far it is.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tidegate_fleet.words import HostEvent, RefusedEvent, read_host_message
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tidegate_fleet.hosts import Fleet
    from tidegate_fleet.words import EventCheck
    from tidegate_publisher.rollout.ports import Ear, LongClock
    from tidegate_schemas.topics import Topics
    from tidegate_wire.mqtt.messages import Message

LOOK_S: Final = 0.5
"""The shortest time between two looks, in seconds: what comes meanwhile is judged together."""

QUIET: Final = timedelta(seconds=3)
"""MQTT does not say when all that is retained was sent: it was when nothing came for so long."""


_ANNOUNCED: Final = 64
"""Messages on the channel that are kept between two looks: each costs a verification, and anybody's flood
must not cost us more. Our own going under in it ends in a new connection, and in reading the channel anew."""


class Hearing:
    """Brings the words of hosts to a fleet, and keeps what was announced meanwhile.

    Args:
        fleet: takes the words.
        topics: the topics in use.
        channel: the product and channel.
        check: the device keys; without them events count as they are, and statuses too.
        allowed: the hosts that count; None is all.

    Attributes:
        strangers: messages of hosts that are not allowed.
        refused: events that no key of their host stands behind.
    """

    def __init__(
        self,
        fleet: Fleet,
        topics: Topics,
        channel: tuple[str, str],
        check: EventCheck | None = None,
        allowed: frozenset[str] | None = None,
    ) -> None:
        self._fleet = fleet
        self._topics = topics
        self._channel_topic = topics.channel(*channel)
        self._check = check
        self._allowed = allowed
        self._announced: list[bytes] = []
        self.strangers = 0
        self.refused = 0

    @property
    def filters(self) -> tuple[str, ...]:
        """What has to be subscribed to."""
        return self._channel_topic, *self._topics.all_presence, self._topics.all_events

    def take(self, messages: Iterable[Message], now: datetime) -> None:
        """Take messages in."""
        for message in messages:
            if message.topic == self._channel_topic:
                self._announced = [*self._announced, message.payload][-_ANNOUNCED:]
            else:
                self._take_word(message, now)

    def settle(self, ear: Ear, clock: LongClock) -> None:
        """Hear all that is retained. Raises TidegateError(BUS_*)."""
        quiet_since = clock.elapsed()
        while clock.elapsed() - quiet_since < QUIET:
            heard = ear.hear(LOOK_S)
            self.take(heard, clock.now())
            if any(message.retained for message in heard):
                quiet_since = clock.elapsed()

    def announced(self) -> list[bytes]:
        """What was heard on the channel since the last call, in its order."""
        found, self._announced = self._announced, []
        return found

    def _take_word(self, message: Message, now: datetime) -> None:
        place = self._topics.parse_host(message.topic)
        if place is None:
            return
        host = place[0]
        if self._allowed is not None and host not in self._allowed:
            self.strangers += 1
            return
        word = read_host_message(message, self._topics, self._check)
        if isinstance(word, RefusedEvent):
            self.refused += 1
        elif isinstance(word, HostStatus):
            self._fleet.take(word if self._check is None else _undecided(word), now)
        elif isinstance(word, HostEvent):
            self._fleet.take(word, now)


def _undecided(status: HostStatus) -> HostStatus:
    """A status without what it says of updates: nobody signed it."""
    follows = tuple(one.model_copy(update={"target": None}) for one in status.follows)
    return status.model_copy(update={"follows": follows})
