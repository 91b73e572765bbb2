"""The MQTT session of a collector: kept by the broker while the collector is away.

Messages wait here, unacknowledged, until they are in the store; the broker sends no more than it was told
may wait. If it was told nothing (MQTT 3.1.1 has no words for that) or does not keep to it, this end stops
reading.
"""

from __future__ import annotations

import random
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_fleet.collector.losses import STABLE_S, Losses
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.backoff import Backoff
from tidegate_wire.mqtt.cluster import Cluster
from tidegate_wire.mqtt.failures import DisplacedError
from tidegate_wire.mqtt.link import Link

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from paho.mqtt.reasoncodes import ReasonCode

    from tidegate_fleet.collector.settings import CollectorSettings
    from tidegate_schemas.topics import Topics
    from tidegate_wire.mqtt.cluster import Broker
    from tidegate_wire.mqtt.messages import Message, Version
    from tidegate_wire.mqtt.settings import BusSettings

_LOOK_UP_S: Final = 0.2
_QUIET_S: Final = 0.005
_QUIET_MOST_S: Final = 0.05
_QUIET_SHARE: Final = 0.1
_INBOX_BATCHES: Final = 4
_RECONNECT_MOST_S: Final = 60.0


class Line:
    """One session, over as many connections as it takes. One thread drives it.

    Args:
        bus: the broker and our credentials.
        settings: of the collector.
        stop: set when it should come to an end.
    """

    def __init__(self, bus: BusSettings, settings: CollectorSettings, stop: threading.Event) -> None:
        shared = settings.share is not None
        # A broker that was silent to MQTT 5 for once would be spoken to in 3.1.1, which shares nothing.
        self._bus = bus.model_copy(update={"protocol": "5"}) if shared and bus.protocol == "auto" else bus
        self._settings = settings
        self._stop = stop
        self._cluster = Cluster(self._bus)
        self._backoff = Backoff(
            random.random, cap_s=min(bus.reconnect_most_s, _RECONNECT_MOST_S), stable_s=STABLE_S
        )
        self._losses = Losses(settings.name)
        self._link: Link | None = None
        self._since = 0.0
        self._waiting: deque[Message] = deque()

    @property
    def waiting(self) -> int:
        """Messages that wait."""
        return len(self._waiting)

    def on_message(self, message: Message) -> None:
        """See LinkListener.on_message."""
        self._waiting.append(message)

    def on_ack(self, mid: int, refusal: ReasonCode | None) -> None:
        """See LinkListener.on_ack: nothing is published here."""

    def connect(self) -> None:
        """Connect to one of the brokers and subscribe.

        Raises:
            BusError: none of them will do now.
            TidegateError: CONFIG_*, or BUS_PROTOCOL when events cannot be shared.
        """
        self._waiting.clear()
        brokers = self._cluster.in_turn()
        while True:
            broker = brokers.pop(0)
            try:
                self._connect_to(broker)
            except TidegateError as error:
                self.close()
                if self._bus.protocol == "5" and error.code is Code.BUS_PROTOCOL and self._settings.share:
                    raise _cannot_share(broker) from error
                if not brokers:
                    raise
                logger.warning("{} [{}]; trying the next broker", error.reason, error.code)
            else:
                return

    def gather(self, timeout_s: float = _LOOK_UP_S, batch_s: float = 0.0) -> list[Message]:
        """Wait for messages, and for more as long as they keep coming. Raises BusError.

        Args:
            timeout_s: how long to wait for the first one, in seconds.
            batch_s: how long the batch before took to store, in seconds: the longer, the more it is worth to
                wait for a larger one.
        """
        quiet_s = min(max(_QUIET_S, _QUIET_SHARE * batch_s), _QUIET_MOST_S)
        link, most = self._use(), self._settings.batch
        link.pump(lambda: bool(self._waiting) or self._stop.is_set(), timeout_s)
        deadline = time.monotonic() + max(self._settings.linger_s, _QUIET_SHARE * batch_s)
        count = -1
        # Nothing for a moment: the broker waits for acknowledgements, or has no more.
        while count < self.waiting < most and time.monotonic() < deadline:
            count = self.waiting
            link.pump(lambda: self.waiting >= most, quiet_s)
        return [self._waiting.popleft() for _ in range(min(most, self.waiting))]

    def done(self, messages: Sequence[Message]) -> None:
        """These are in the store: tell the broker."""
        link = self._use()
        for message in messages:
            link.acknowledge(message.packet)
        link.pump_pending()

    def rest(self, pause_s: float) -> None:
        """Do nothing for a while, but stay connected. Raises BusError."""
        if self.waiting < _INBOX_BATCHES * self._settings.batch:
            self._use().pump(self._stop.is_set, pause_s)
        else:
            # Not reading is what holds a broker back that knows no other bound; it may hang up on us.
            self._stop.wait(pause_s)

    def pause(self, error: TidegateError) -> None:
        """Wait before the next attempt to connect."""
        lived_s = time.monotonic() - self._since if self._since else 0.0
        self._since = 0.0
        displaced = isinstance(error, DisplacedError)
        pause_s = self._backoff.displaced() if displaced else self._backoff.failed(lived_s)
        words = self._losses.words(error, lived_s)
        logger.warning("{} [{}]; next attempt in {:.1f} s", words, error.code, pause_s)
        self._stop.wait(pause_s)

    def close(self) -> None:
        """Say goodbye, which the session outlives. Idempotent."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _connect_to(self, broker: Broker) -> None:
        def make(version: Version) -> Link:
            client_id = f"tidegate-collect-{self._settings.name}"
            most = self._settings.batch
            self._link = Link(broker.settings, version, client_id, self, persistent=True, late=most)
            return self._link

        link = broker.dialect.connect(make)
        self._link = link
        link.subscribe(filters(self._bus.topics, self._settings.share))
        self._since = time.monotonic()
        logger.info("Connected to {} with MQTT {}", broker.settings.endpoint.label, link.version)

    def _use(self) -> Link:
        if self._link is None:
            raise AssertionError("not connected")
        return self._link


def filters(topics: Topics, share: str | None) -> tuple[str, ...]:
    """What a collector subscribes to.

    Retained messages are not sent to shared subscriptions (MQTT 5.0, 4.8.2): statuses and statements, which
    are, go to each collector.
    """
    events = topics.all_events if share is None else f"$share/{share}/{topics.all_events}"
    return events, *topics.all_presence, topics.all_channels


def _cannot_share(broker: Broker) -> TidegateError:
    reason = (
        f"{broker.settings.endpoint.label} does not speak MQTT 5, without which collectors share no events: "
        "run one collector without --share, or several without it, each of which takes all "
        "(each event is kept once even so)"
    )
    return TidegateError(Code.BUS_PROTOCOL, reason)
