"""What paho tells about one connection, turned into state and calls of our own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from paho.mqtt.enums import LogLevel

from tidegate_schemas import limits
from tidegate_wire.mqtt import failures
from tidegate_wire.mqtt.bounds import Bounds
from tidegate_wire.mqtt.flood import FloodGuard
from tidegate_wire.mqtt.messages import Message
from tidegate_wire.mqtt.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, SocketLike
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from tidegate_wire.mqtt.endpoint import Endpoint
    from tidegate_wire.mqtt.failures import BusError
    from tidegate_wire.mqtt.messages import Version

_HANDLERS: Final = ("connect", "disconnect", "message", "publish", "subscribe", "log", "socket_open")
# paho keeps such a message until the broker releases it, 65,535 of them: a gigabyte of what nobody asked for.
_AT_QOS_2: Final = re.compile(r"Received PUBLISH \(d\d, q2,")


class LinkListener(Protocol):
    """Who uses a link. Called by the thread that drives it."""

    def on_message(self, message: Message) -> None:
        """A message on a subscribed topic."""
        ...

    def on_ack(self, mid: int, refusal: ReasonCode | None) -> None:
        """The PUBACK for a packet id. `refusal` is what an MQTT 5 broker has against it."""
        ...


class Callbacks:
    """The callbacks of one paho client and what they have heard so far.

    Attributes:
        connected: a CONNACK has come and was positive.
        lost: why the connection cannot be used any more, once it cannot.
        asked: the filters of each SUBSCRIBE that has not been answered, by packet id.
        pulse: whether the broker still lives.
        bounds: what the broker takes.
    """

    def __init__(
        self,
        version: Version,
        endpoint: Endpoint,
        listener: LinkListener,
    ) -> None:
        self.connected = False
        self.lost: BusError | None = None
        self.asked: dict[int, Sequence[str]] = {}
        self.pulse = Pulse()
        self.bounds = Bounds()
        self._version = version
        self._endpoint = endpoint
        self._listener = listener
        self._complaint = ""
        self._guard: FloodGuard | None = None

    def attach(self, client: Client) -> None:
        """Listen to this client."""
        for name in _HANDLERS:
            setattr(client, f"on_{name}", getattr(self, f"_on_{name}"))
        # With this set, paho leaves all writing to the thread in loop() instead of to whoever publishes.
        client.on_socket_register_write = _leave_writing_to_loop

    def detach(self, client: Client) -> None:
        """Untie the two. Without the cycle a client closes its sockets when let go, not at a collection."""
        for name in _HANDLERS:
            setattr(client, f"on_{name}", None)
        # on_socket_register_write stays: without it a publish() of another thread, overtaken by the loss of
        # the connection, would begin to write by itself.

    def ended(self) -> None:
        """The connection is gone, with or without a callback that said so."""
        if self.lost is not None:
            return
        if self.connected:
            error = ConnectionError(self._complaint or "it was closed")
            self.lost = failures.from_exception(error, self._endpoint)
        else:
            self.lost = failures.from_silence(self._complaint, self._version, self._endpoint)

    def broken(self, error: Exception) -> None:
        """The connection cannot be used further."""
        self.lost = self.lost or failures.from_exception(error, self._endpoint)

    def look(self, keepalive_s: float) -> None:
        """Give the connection up when the packet that comes in is too large, or nothing comes any more."""
        if self.lost is not None or self._guard is None:
            return
        self.pulse.received(self._guard.received())
        silent_s = self.pulse.silent_s(keepalive_s)
        if self._guard.exceeded():
            self.lost = failures.from_flood(self._endpoint)
        elif silent_s is not None:
            self.lost = failures.from_no_answer(silent_s, self._endpoint)

    def _on_socket_open(self, _client: Client, _data: object, opened: SocketLike) -> None:
        self._guard = FloodGuard(opened.fileno())

    def _on_connect(
        self,
        _client: Client,
        _data: object,
        _flags: ConnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if code.is_failure:
            self.lost = failures.from_connack(code, self._version, self._endpoint)
            return
        self.bounds.learn(properties)
        self.connected = True

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties,
    ) -> None:
        if self.lost is None and flags.is_disconnect_packet_from_server:
            self.lost = failures.from_disconnect(code, self._endpoint)
        else:
            self.ended()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # [MQTT-1.5.4-1] forbids it, and no filter of ours can have asked for it
        properties = message.properties
        self._listener.on_message(
            Message(
                topic=topic,
                payload=bytes(message.payload[: limits.STATEMENT_BYTES + 1]),
                retained=message.retain,
                content_type=getattr(properties, "ContentType", None),
                properties=tuple(getattr(properties, "UserProperty", ())),
                packet=message.mid if message.qos else 0,
            ),
        )

    def _on_publish(
        self, _client: Client, _data: object, mid: int, code: ReasonCode, _properties: Properties
    ) -> None:
        self.bounds.end()
        self._listener.on_ack(mid, code if code.is_failure else None)

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, codes: list[ReasonCode], _properties: Properties
    ) -> None:
        # A second thread that subscribes may not have noted the packet id yet; a refusal counts even so.
        asked = self.asked.pop(mid, ("a topic",) * len(codes))
        for topic_filter, code in zip(asked, codes, strict=False):
            if code.is_failure and self.lost is None:
                self.lost = failures.from_suback(code, topic_filter, self._endpoint)

    def _on_log(self, _client: Client, _data: object, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._complaint = text
            return
        if text == "Sending PINGREQ":
            self.pulse.pinged()
        # paho has no callback for every kind of packet, but a line of log for each that is complete.
        if text.startswith("Received ") and self._guard is not None:
            self._guard.packet_complete()
        if self.lost is None and _AT_QOS_2.match(text):
            self.lost = failures.from_excess_qos(self._endpoint)


def _leave_writing_to_loop(_client: Client, _data: object, _socket: object) -> None:
    """Nothing to do: loop() asks want_write() itself."""
