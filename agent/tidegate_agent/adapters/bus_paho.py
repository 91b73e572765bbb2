"""The bus on a real MQTT broker: a persistent session that reconnects by itself for ever.

One thread connects, listens, pauses and connects again. Where there are several brokers, one attempt goes
round all of them, each time in another order, so that those of a broker that is gone spread over the others.
While idle it wakes four times per keepalive (every 15 s with the default), to see whether a ping is due.

Nothing is queued here while there is no connection, and what a lost connection leaves unacknowledged is
forgotten: the outbox on disk sends it again. Within a connection MQTT sends nothing twice, so a broker that
answers pings and acknowledges nothing is left, too.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from typing import TYPE_CHECKING, Final, NoReturn

from loguru import logger

from tidegate_agent.adapters.conversation import Conversation
from tidegate_agent.model import Failure
from tidegate_agent.model import Protocol as MqttProtocol
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt import failures
from tidegate_wire.mqtt.cluster import Cluster
from tidegate_wire.mqtt.failures import DisplacedError
from tidegate_wire.mqtt.link import Link
from tidegate_wire.mqtt.messages import Publication

if TYPE_CHECKING:
    from collections.abc import Callable, MutableSequence, Sequence

    from tidegate_agent.model import Outgoing
    from tidegate_agent.ports import BusListener
    from tidegate_wire.mqtt.backoff import Backoff
    from tidegate_wire.mqtt.cluster import Broker
    from tidegate_wire.mqtt.messages import Version
    from tidegate_wire.mqtt.settings import BusSettings

_FAREWELL_S: Final = 3.0
_THREAD_END_S: Final = 10.0
_BRIEF_S: Final = 60.0
_BRIEF_TIMES: Final = 3
_TAKES_NOTHING_KEEPALIVES: Final = 1.5
_TAKES_NOTHING_S: Final = 30.0
_RIVAL: Final = "; it keeps happening: does another client use this client's id (host.id)?"


class PahoBus:
    """Implements `ports.Bus`.

    Args:
        settings: broker and credentials; files that they name are read anew at every attempt.
        client_id: names the persistent session; must be the same after a restart.
        topics: the filters to subscribe to.
        backoff: how long to pause between attempts.
        monotonic: seconds, to tell how long a connection held and an answer is overdue.
        shuffle: puts brokers into an order to try them in.
    """

    def __init__(
        self,
        settings: BusSettings,
        client_id: str,
        topics: Sequence[str],
        backoff: Backoff,
        monotonic: Callable[[], float] = time.monotonic,
        shuffle: Callable[[MutableSequence[Broker]], None] = random.shuffle,
    ) -> None:
        self._settings = settings
        self._cluster = Cluster(settings, shuffle)
        self._client_id = client_id
        self._topics = tuple(topics)
        self._backoff = backoff
        self._monotonic = monotonic
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._live: tuple[Link, Conversation] | None = None
        self._live_since: float | None = None
        self._brief = 0

    def start(self, listener: BusListener, will: Callable[[], Outgoing]) -> None:
        """Connect in the background. `will` is asked anew before every connection attempt."""
        for warning in self._settings.warnings:
            logger.warning(warning)
        self._thread = threading.Thread(target=self._run, args=(listener, will), name="bus", daemon=True)
        self._thread.start()

    def publish(self, message: Outgoing) -> bool:
        """Hand a message over at QoS 1; False when not connected or when a thousand are in flight."""
        with self._lock:
            live = self._live
        if live is None:
            return False
        link, conversation = live
        too_large = link.refuses(_publication(message))
        if too_large is not None:
            conversation.refuse(message, too_large)
            return True
        return _send(link, conversation, message) is not None

    def resubscribe(self) -> None:
        """Ask the broker for the retained statements again; a no-op when not connected."""
        with self._lock:
            live = self._live
        if live is not None:
            live[0].ask_for(self._topics)

    def mute(self, topics: Sequence[str]) -> None:
        """Ask for no more on these topics, until all is asked for again."""
        with self._lock:
            live = self._live
        if live is not None:
            # A link that was lost meanwhile has nothing to ask for any more.
            with contextlib.suppress(TidegateError):
                for topic in topics:
                    live[0].unsubscribe(topic)

    def stop(self, farewell: Outgoing | None) -> None:
        """Publish the farewell if connected, disconnect in order, end the thread. Idempotent."""
        with self._lock:
            self._stopping.set()
            live, self._live = self._live, None
        if live is not None:
            link, conversation = live
            mid = None if farewell is None else _send(link, conversation, farewell)
            if mid is not None:
                conversation.wait(mid, _FAREWELL_S)
            link.disconnect()
        if self._thread is not None:
            # A thread inside a slow connect() notices when that ends; it is a daemon and has nothing to lose.
            self._thread.join(_THREAD_END_S)
            self._thread = None

    def _run(self, listener: BusListener, will: Callable[[], Outgoing]) -> None:
        while not self._stopping.is_set():
            self._live_since = None
            failure, displaced = self._round(listener, will)
            if not self._stopping.is_set():
                self._pause(failure, listener, displaced=displaced)

    def _round(self, listener: BusListener, will: Callable[[], Outgoing]) -> tuple[Failure, bool]:
        """Try all brokers, until a connection was made and lost."""
        brokers = self._cluster.in_turn()
        while True:
            broker = brokers.pop(0)
            failure, displaced = self._attempt(broker, listener, will)
            if self._live_since is not None:
                self._cluster.leave(broker)
            if self._live_since is not None or displaced or not brokers or self._stopping.is_set():
                return failure, displaced
            logger.warning("{} [{}]; trying the next broker", failure.reason, failure.code)

    def _attempt(
        self, broker: Broker, listener: BusListener, will: Callable[[], Outgoing]
    ) -> tuple[Failure, bool]:
        # Only words leave here: an exception would keep the whole dead connection alive until the next one.
        try:
            self._converse(broker, listener, will)
        except TidegateError as error:
            return Failure(error.code, error.reason), isinstance(error, DisplacedError)
        except Exception as error:  # noqa: BLE001 -- a bus that dies silently cuts its host off for ever
            logger.opt(exception=error).error("The bus hit a fault of its own")
            return Failure(Code.INTERNAL_ERROR, f"The bus failed: {type(error).__name__}: {error}"), False

    def _converse(self, broker: Broker, listener: BusListener, will: Callable[[], Outgoing]) -> NoReturn:
        """Connect and stay connected. Ends by raising TidegateError, whatever the reason."""
        settings = broker.settings
        conversation = Conversation(listener, settings.endpoint, self._monotonic)

        def make(version: Version) -> Link:
            last_words = _publication(will())
            return Link(settings, version, self._client_id, conversation, persistent=True, will=last_words)

        link = broker.dialect.connect(make)
        try:
            link.subscribe(self._topics)
            if self._go_live(link, conversation):
                logger.info("Connected to {} with MQTT {}", settings.endpoint.label, link.version)
                listener.connected(MqttProtocol(link.version.value))
            patience_s = max(settings.keepalive_s * _TAKES_NOTHING_KEEPALIVES, _TAKES_NOTHING_S)
            link.pump(lambda: conversation.unanswered_s >= patience_s)
            raise failures.from_no_acknowledgement(conversation.unanswered_s, settings.endpoint)
        finally:
            with self._lock:
                self._live = None
            link.close()

    def _go_live(self, link: Link, conversation: Conversation) -> bool:
        with self._lock:
            if self._stopping.is_set():
                link.disconnect()
                return False
            self._live = (link, conversation)
            self._live_since = self._monotonic()
            return True

    def _pause(self, failure: Failure, listener: BusListener, *, displaced: bool) -> None:
        lived_s = None if self._live_since is None else self._monotonic() - self._live_since
        pause_s = self._backoff.displaced() if displaced else self._backoff.failed(lived_s or 0.0)
        failure = self._suspect_rival(failure, lived_s)
        logger.warning("{} [{}]; next attempt in {:.1f} s", failure.reason, failure.code, pause_s)
        listener.disconnected(failure)
        self._stopping.wait(pause_s)

    def _suspect_rival(self, failure: Failure, lived_s: float | None) -> Failure:
        # 3.1.1 has no reason for a takeover, and Mosquitto 2.0.11 does not send MQTT 5's either.
        if lived_s is None:
            return failure
        self._brief = self._brief + 1 if lived_s < _BRIEF_S else 0
        if self._brief < _BRIEF_TIMES or failure.code is not Code.BUS_UNREACHABLE:
            return failure
        return Failure(failure.code, failure.reason + _RIVAL)


def _publication(message: Outgoing) -> Publication:
    return Publication(
        message.topic, message.payload, message.retain, message.content_type, message.properties
    )


def _send(link: Link, conversation: Conversation, message: Outgoing) -> int | None:
    mid = link.publish(_publication(message))
    if mid is not None:
        conversation.sent(mid, message)
    return mid
