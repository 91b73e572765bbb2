"""The publisher's session: short, synchronous, on the caller's own thread.

The caller may think for minutes between two steps (a person signs in to be identified), and nothing answers
the broker meanwhile: a connection that the broker closed is made anew before the next step. Since nothing
reads while the caller is busy, a flood of messages stays in the network instead of in memory.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Self

from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt import failures
from tidegate_wire.mqtt.cluster import Cluster
from tidegate_wire.mqtt.failures import BusError
from tidegate_wire.mqtt.link import Link
from tidegate_wire.mqtt.messages import Publication

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from threading import Event
    from types import TracebackType

    from paho.mqtt.reasoncodes import ReasonCode

    from tidegate_wire.mqtt.cluster import Broker
    from tidegate_wire.mqtt.messages import Message, Version
    from tidegate_wire.mqtt.settings import BusSettings

_LOOK_UP_S: Final = 0.5
_READ_BACK_S: Final = 2.0
_INBOX: Final = 256


class _Inbox:
    """What has come over one link. One turn of a link reads far less than the bound: nothing is lost."""

    def __init__(self) -> None:
        self.messages: deque[Message] = deque(maxlen=_INBOX)
        self.acks: dict[int, ReasonCode | None] = {}

    def on_message(self, message: Message) -> None:
        self.messages.append(message)

    def on_ack(self, mid: int, refusal: ReasonCode | None) -> None:
        self.acks[mid] = refusal


class PublisherSession:
    """Talks to the broker for a publisher or a watcher. A context manager; not for use by several threads.

    Args:
        settings: the broker and our credentials.
        client_id: who we are; a random name when absent. The session does not outlive the connection.

    Raises:
        TidegateError: on entering: BUS_UNREACHABLE, BUS_REFUSED, BUS_CERTIFICATE, BUS_PROTOCOL, CONFIG_*.
    """

    def __init__(self, settings: BusSettings, client_id: str | None = None) -> None:
        self._settings = settings
        # 23 characters: what every 3.1.1 broker has to accept (3.1.3.1).
        self._client_id = client_id or f"tidegate-{secrets.token_hex(7)}"
        self._cluster = Cluster(settings)
        self._link: Link | None = None
        self._inbox = _Inbox()

    def __enter__(self) -> Self:
        self._connected()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._drop()

    @property
    def protocol(self) -> Version:
        """The protocol version in use. Connects if need be."""
        return self._connected().version

    def read_retained(self, topic: str, wait_s: float = 2.0) -> bytes | None:
        """The message retained on a topic, cut to `STATEMENT_BYTES + 1` bytes, or None.

        MQTT has no "nothing is retained": it is None when `wait_s` seconds after the subscription was granted
        nothing has come. Raises BusError(BUS_REFUSED) when the broker refuses the subscription.
        """
        link = self._connected()
        self._inbox.messages.clear()
        link.subscribe([topic])
        link.pump(lambda: self._find(topic) is not None, wait_s)
        found = self._find(topic)
        link.unsubscribe(topic)
        return found.payload if found else None

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        properties: Sequence[tuple[str, str]] = (),
        content_type: str = "application/json",
        timeout_s: float = 30.0,
    ) -> None:
        """Publish at QoS 1 and wait for the PUBACK. `properties` and `content_type` need MQTT 5.

        Raises:
            TidegateError: STATEMENT_OVERSIZE, BUS_REFUSED (MQTT 5 only, see `confirm_retained`),
                BUS_UNREACHABLE, ANNOUNCE_TIMEOUT.
        """
        if len(payload) > limits.STATEMENT_BYTES:
            reason = f"The message for {topic} has {len(payload)} bytes; hosts read {limits.STATEMENT_BYTES}"
            raise TidegateError(Code.STATEMENT_OVERSIZE, reason)
        link = self._connected()
        acks = self._inbox.acks
        mid = link.publish(Publication(topic, payload, retain, content_type, tuple(properties)))
        if mid is None or not link.pump(lambda: mid in acks, timeout_s):
            reason = f"The broker did not acknowledge the message for {topic} in {timeout_s:g} s"
            raise TidegateError(Code.ANNOUNCE_TIMEOUT, reason)
        refusal = acks.pop(mid)
        if refusal is not None:
            raise failures.from_puback(refusal, topic, self._settings.endpoint)

    def confirm_retained(self, topic: str, payload: bytes, timeout_s: float = 10.0) -> None:
        """Read a topic back until it holds this payload.

        A 3.1.1 broker acknowledges what its ACL forbids and drops it silently (MQTT 3.1.1, section 3.3.5).

        Raises:
            TidegateError: BUS_REFUSED when the topic does not hold the payload.
        """
        deadline = time.monotonic() + timeout_s
        while self.read_retained(topic, _READ_BACK_S) != payload:
            if time.monotonic() >= deadline:
                reason = (
                    f"The broker acknowledged the message for {topic} but does not retain it: "
                    "its ACL forbids this client to write or to read there, or it keeps no retained messages"
                )
                raise TidegateError(Code.BUS_REFUSED, reason)

    def stream(
        self, filters: Sequence[str], duration_s: float | None = None, stop: Event | None = None
    ) -> Iterator[Message]:
        """Subscribe and yield what comes, for `duration_s` seconds or until `stop` is set or for ever.

        The subscription is granted before the first message is asked for; retained messages come first.
        Raises BusError when the connection is lost.
        """
        link = self._connected()
        self._inbox.messages.clear()
        link.subscribe(filters)
        return self._yield(link, None if duration_s is None else time.monotonic() + duration_s, stop)

    def listen(self, filters: Sequence[str]) -> None:
        """Subscribe; `heard` has what comes. For who has to do other things meanwhile, on one connection.

        Raises BusError when the broker refuses.
        """
        link = self._connected()
        self._inbox.messages.clear()
        link.subscribe(filters)

    def heard(self, timeout_s: float) -> list[Message]:
        """What has come since the last call; waits up to `timeout_s` seconds for the first message.

        Raises BusError when the connection is lost: it has to be listened anew then.
        """
        if self._link is None:
            raise AssertionError
        self._link.pump(lambda: bool(self._inbox.messages), timeout_s)
        found = list(self._inbox.messages)
        self._inbox.messages.clear()
        return found

    def _yield(self, link: Link, deadline: float | None, stop: Event | None) -> Iterator[Message]:
        while stop is None or not stop.is_set():
            while self._inbox.messages:
                yield self._inbox.messages.popleft()
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            if stop is not None:
                left = _LOOK_UP_S if left is None else min(left, _LOOK_UP_S)
            link.pump(lambda: bool(self._inbox.messages), left)

    def _find(self, topic: str) -> Message | None:
        here = (message for message in self._inbox.messages if message.topic == topic)
        return next((message for message in here if message.retained), None)

    def _connected(self) -> Link:
        if self._link is not None:
            self._link.pump_pending()
            if self._link.lost is None:
                return self._link
            self._drop()
        brokers = self._cluster.in_turn()
        while self._link is None:
            self._inbox = _Inbox()
            try:
                self._link = self._connect_to(brokers.pop(0))
            except BusError:
                if not brokers:
                    raise
        return self._link

    def _connect_to(self, broker: Broker) -> Link:
        def make(version: Version) -> Link:
            return Link(broker.settings, version, self._client_id, self._inbox, persistent=False)

        self._settings = broker.settings
        return broker.dialect.connect(make)

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
