"""The publisher's session on real brokers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import Broker, MosquittoBroker, NatsBroker
from tests.support.scripted_broker import Peer, ScriptedBroker
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.messages import Message, Version
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHANNEL = "tidegate/v1/channels/shop/stable"
EVENTS = "tidegate/v1/hosts/edge-1/events"


@pytest.fixture(
    params=[
        pytest.param("mosquitto", marks=pytest.mark.real("mosquitto")),
        pytest.param("nats", marks=pytest.mark.real("nats-server")),
    ]
)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    made = NatsBroker(tmp_path) if request.param == "nats" else MosquittoBroker(tmp_path)
    with made:
        yield made


@pytest.fixture
def session(broker: Broker) -> Iterator[PublisherSession]:
    with PublisherSession(BusSettings(url=broker.url)) as made:
        yield made


def test_the_newest_protocol_is_found(session: PublisherSession, broker: Broker) -> None:
    assert session.protocol is (Version.V311 if isinstance(broker, NatsBroker) else Version.V5)


def test_nothing_retained_is_none(session: PublisherSession) -> None:
    session.publish(CHANNEL, b"not kept")
    assert session.read_retained(CHANNEL, 0.3) is None


def test_the_latest_retained_message_is_read_each_time(session: PublisherSession) -> None:
    for payload in (b"one", b"two", b"three"):
        session.publish(CHANNEL, payload, retain=True)
        session.confirm_retained(CHANNEL, payload)
        assert session.read_retained(CHANNEL) == payload


def test_a_retained_message_is_removed_by_an_empty_one(session: PublisherSession) -> None:
    session.publish(CHANNEL, b"one", retain=True)
    session.confirm_retained(CHANNEL, b"one")
    session.publish(CHANNEL, b"", retain=True)
    assert session.read_retained(CHANNEL, 0.5) is None


def test_a_missing_payload_is_not_confirmed(session: PublisherSession) -> None:
    session.publish(CHANNEL, b"one", retain=True)
    with pytest.raises(TidegateError) as caught:
        session.confirm_retained(CHANNEL, b"two", timeout_s=0)
    assert caught.value.code is Code.BUS_REFUSED


def test_the_largest_statement_passes_and_a_larger_one_does_not(session: PublisherSession) -> None:
    session.publish(CHANNEL, b"x" * limits.STATEMENT_BYTES, retain=True)
    session.confirm_retained(CHANNEL, b"x" * limits.STATEMENT_BYTES)
    with pytest.raises(TidegateError) as caught:
        session.publish(CHANNEL, b"x" * (limits.STATEMENT_BYTES + 1), retain=True)
    assert caught.value.code is Code.STATEMENT_OVERSIZE


def test_a_broker_that_went_and_came_back_is_found_again(session: PublisherSession, broker: Broker) -> None:
    session.publish(CHANNEL, b"one", retain=True)
    broker.stop()
    with pytest.raises(TidegateError) as caught:
        session.publish(CHANNEL, b"two", retain=True)
    assert caught.value.code is Code.BUS_UNREACHABLE
    broker.start()
    session.publish(CHANNEL, b"three", retain=True)
    session.confirm_retained(CHANNEL, b"three")


def test_a_stream_begins_with_what_is_retained(session: PublisherSession, broker: Broker) -> None:
    session.publish(CHANNEL, b"kept", retain=True)
    session.confirm_retained(CHANNEL, b"kept")
    stop = threading.Event()
    seen: list[Message] = []
    with PublisherSession(BusSettings(url=broker.url)) as watcher:
        for message in watcher.stream(["tidegate/v1/channels/+/+", "tidegate/v1/hosts/+/events"], stop=stop):
            seen.append(message)
            if message.retained:
                session.publish(EVENTS, b"{}", properties=[("ce_id", "7")])
            else:
                stop.set()
    assert [(one.topic, one.payload, one.retained) for one in seen] == [
        (CHANNEL, b"kept", True),
        (EVENTS, b"{}", False),
    ]
    if session.protocol is Version.V5:
        assert seen[1].properties == (("ce_id", "7"),)
        assert seen[1].content_type == "application/json"


def test_a_stream_ends_in_time(session: PublisherSession) -> None:
    assert list(session.stream([EVENTS], duration_s=0.05)) == []


def test_a_stream_says_when_the_broker_goes(session: PublisherSession, broker: Broker) -> None:
    stream = session.stream([EVENTS])
    broker.stop()
    with pytest.raises(TidegateError) as caught:
        next(stream)
    assert caught.value.code is Code.BUS_UNREACHABLE


def test_a_broker_that_does_not_acknowledge_is_given_up() -> None:
    def silent(peer: Peer) -> None:
        peer.read()
        peer.send(bytes.fromhex("2003000000"))
        peer.linger()

    with ScriptedBroker(silent) as broker, PublisherSession(BusSettings(url=broker.url)) as session:
        with pytest.raises(TidegateError) as caught:
            session.publish(CHANNEL, b"one", timeout_s=0.05)
        assert caught.value.code is Code.ANNOUNCE_TIMEOUT


def test_a_broker_that_says_nothing_is_given_up() -> None:
    with ScriptedBroker(Peer.linger) as broker:
        settings = BusSettings(url=broker.url, connect_timeout_s=0.05)
        with pytest.raises(TidegateError) as caught, PublisherSession(settings):
            pass
    assert caught.value.code is Code.BUS_UNREACHABLE
