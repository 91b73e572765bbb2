"""A bare paho client with a stopwatch: publishes, and notes when each message arrives."""

from __future__ import annotations

import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_wire.mqtt.settings import BusSettings

PATIENCE_S = 30.0


class Heard(NamedTuple):
    """A message; `at` is of time.perf_counter(), taken before anything is done with it."""

    at: float
    topic: str
    payload: bytes
    retained: bool


class Probe:
    """A context manager, which is subscribed once it is entered.

    Args:
        settings: the broker, without TLS.
        topics: what to listen to.
    """

    def __init__(self, settings: BusSettings, topics: Sequence[str]) -> None:
        self._endpoint = settings.endpoint
        self._topics = topics
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        version = MQTTProtocolVersion.MQTTv5 if settings.protocol == "5" else MQTTProtocolVersion.MQTTv311
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.on_message = self._note
        # Else Nagle and delayed acknowledgements would measure themselves: 40 ms.
        self._client.on_socket_open = _no_delay
        self._subscribed = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in self._topics])
        self._client.on_subscribe = lambda *_: self._subscribed.set()

    def __enter__(self) -> Self:
        self._client.connect(self._endpoint.host, self._endpoint.port)
        self._client.loop_start()
        if not self._subscribed.wait(PATIENCE_S):
            raise TimeoutError("the broker did not grant a subscription")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> float:
        """Publish at QoS 1, retained; the moment before."""
        before = time.perf_counter()
        self._client.publish(topic, payload, qos=1, retain=True)
        return before

    def wait(self, wanted: Callable[[Heard], bool], what: str) -> float:
        """The moment at which the first message that is wanted arrived. Others are dropped.

        Raises:
            TimeoutError: none came in time.
        """
        deadline = time.perf_counter() + PATIENCE_S
        while True:
            try:
                heard = self._heard.get(timeout=max(0.0, deadline - time.perf_counter()))
            except queue.Empty:
                raise TimeoutError(f"nothing heard of this: {what}") from None
            if wanted(heard):
                return heard.at

    def _note(self, _: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        self._heard.put(Heard(time.perf_counter(), message.topic, bytes(message.payload), message.retain))


def _no_delay(_: mqtt.Client, __: object, connection: Any) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
