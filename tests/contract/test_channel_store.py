"""What every ChannelStore does: the fake, and a session on real brokers with MQTT 5 and 3.1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.publisher import FakeStore
from tests.support.brokers import MosquittoBroker, NatsBroker
from tidegate_publisher.adapters.channel_store import BrokerStore
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_publisher.ports import ChannelStore

KINDS = [
    pytest.param(("fake", ""), id="fake"),
    pytest.param(("mosquitto", "5"), id="mosquitto-5", marks=pytest.mark.real("mosquitto")),
    pytest.param(("mosquitto", "3.1.1"), id="mosquitto-3.1.1", marks=pytest.mark.real("mosquitto")),
    pytest.param(("nats-server", "auto"), id="nats", marks=pytest.mark.real("nats-server")),
]


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChannelStore]:
    kind, protocol = request.param
    if kind == "fake":
        yield FakeStore()
        return
    with (MosquittoBroker if kind == "mosquitto" else NatsBroker)(tmp_path) as broker:
        settings = BusSettings.model_validate({"url": broker.url, "protocol": protocol})
        with PublisherSession(settings) as session:
            yield BrokerStore(session, Topics(), timeout_s=3)


def test_each_channel_keeps_its_newest_statement(store: ChannelStore) -> None:
    assert store.read("os", "stable") is None
    store.publish("os", "stable", b"first")
    store.publish("os", "stable", b"second")
    store.publish("os", "beta", b"another")
    assert store.read("os", "stable") == b"second"
    assert store.read("os", "beta") == b"another"


def test_confirm_tells_what_is_held(store: ChannelStore) -> None:
    store.publish("os", "stable", b"first")
    assert store.confirm("os", "stable", b"first") == b"first"
    assert store.confirm("os", "stable", b"another") == b"first"
    assert store.confirm("os", "beta", b"another") is None
