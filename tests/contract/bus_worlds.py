"""The worlds that a bus must behave the same in: the fake and the real brokers."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Protocol

from tests.fakes.bus import FakeBroker, FakeBus
from tests.support.proxy import CuttableProxy
from tests.support.waiting import wait_until
from tidegate_agent.adapters.bus_paho import PahoBus
from tidegate_agent.model import Protocol as MqttProtocol
from tidegate_wire.mqtt.backoff import Backoff
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from tests.support.brokers import Broker
    from tidegate_agent.ports import Bus


class World(Protocol):
    """A broker, seen from outside, and the buses on it."""

    protocol: MqttProtocol

    def bus(self, client_id: str, topics: Sequence[str]) -> Bus:
        """A bus that has not been started."""
        ...

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish as somebody else."""
        ...

    def await_retained(self, topic: str, payload: bytes) -> None:
        """Return when the topic holds this payload; fail when it never does."""
        ...

    def down(self) -> None:
        """Stop the broker."""
        ...

    def up(self) -> None:
        """Start it again, on what it has stored."""
        ...

    def cut(self) -> None:
        """Break the connections of all buses without a goodbye; the broker stays."""
        ...

    def mend(self) -> None:
        """Let the buses through to the broker again."""
        ...

    def close(self) -> None:
        """End the world."""
        ...


class FakeWorld:
    """The world of tests.fakes.bus."""

    protocol = MqttProtocol.V5

    def __init__(self) -> None:
        self._broker = FakeBroker()

    def bus(self, client_id: str, topics: Sequence[str]) -> Bus:
        return FakeBus(self._broker, client_id, topics)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._broker.publish(topic, payload, retain=retain)

    def await_retained(self, topic: str, payload: bytes) -> None:
        assert self._broker.retained[topic] == payload

    def down(self) -> None:
        self._broker.down()

    def up(self) -> None:
        self._broker.up()

    def cut(self) -> None:
        self._broker.sever()

    def mend(self) -> None:
        self._broker.up()

    def close(self) -> None:
        pass


class RealWorld:
    """A real broker, with PahoBus behind a proxy that can be cut."""

    def __init__(
        self, broker: Broker, protocol: MqttProtocol, setting: Literal["auto", "5", "3.1.1"]
    ) -> None:
        self.protocol = protocol
        self._broker = broker
        self._setting = setting
        broker.start()
        self._proxy = CuttableProxy(broker.port)
        self._proxy.__enter__()

    def bus(self, client_id: str, topics: Sequence[str]) -> Bus:
        settings = BusSettings(url=f"mqtt://127.0.0.1:{self._proxy.port}", protocol=self._setting)
        return PahoBus(settings, client_id, topics, Backoff(random.random, first_s=0.02, cap_s=0.1))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        with PublisherSession(BusSettings(url=self._broker.url)) as session:
            session.publish(topic, payload, retain=retain)

    def await_retained(self, topic: str, payload: bytes) -> None:
        with PublisherSession(BusSettings(url=self._broker.url)) as session:
            wait_until(lambda: session.read_retained(topic, 0.3) == payload, f"{topic} holds {payload!r}")

    def down(self) -> None:
        self._broker.stop()

    def up(self) -> None:
        self._broker.start()

    def cut(self) -> None:
        self._proxy.cut()

    def mend(self) -> None:
        self._proxy.mend()

    def close(self) -> None:
        self._proxy.__exit__()
        self._broker.stop()
