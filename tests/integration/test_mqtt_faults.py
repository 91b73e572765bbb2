"""Brokers that misbehave: the bus lives, says what happened, and does not make it worse."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING

import pytest

from tests.support.listeners import RecordingListener
from tests.support.scripted_broker import CONNACK_5, CONNACK_311, Peer, ScriptedBroker
from tidegate_agent.adapters.bus_paho import PahoBus
from tidegate_agent.model import Outgoing, Protocol
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.backoff import Backoff
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Literal

STATUS = "tidegate/v1/hosts/edge-1/status"
TAKEN_OVER = bytes.fromhex("e0018e")


def accept_5(peer: Peer) -> None:
    peer.accept()
    peer.linger()


def accept_311(peer: Peer) -> None:
    peer.accept(CONNACK_311)
    peer.linger()


def hang_up(peer: Peer) -> None:
    peer.read()


@contextlib.contextmanager
def bus_on(
    broker: ScriptedBroker,
    listener: RecordingListener,
    backoff: Backoff | None = None,
    protocol: Literal["auto", "5", "3.1.1"] = "auto",
) -> Iterator[PahoBus]:
    settings = BusSettings(url=broker.url, protocol=protocol, connect_timeout_s=5)
    bus = PahoBus(settings, "edge-1", ["t"], backoff or Backoff(random.random, 0.02, 0.1))
    bus.start(listener, lambda: Outgoing(0, STATUS, b"offline", retain=True))
    try:
        yield bus
    finally:
        bus.stop(None)


@pytest.fixture
def listener() -> RecordingListener:
    return RecordingListener()


def refuse_version_5(peer: Peer) -> None:
    peer.read()
    peer.send(bytes.fromhex("2003008400"))


def refuse_version_311(peer: Peer) -> None:
    peer.read()
    peer.send(bytes.fromhex("20020001"))


@pytest.mark.parametrize("refuse", [hang_up, refuse_version_5, refuse_version_311])
def test_an_old_broker_is_spoken_to_in_its_own_version(
    refuse: Callable[[Peer], None], listener: RecordingListener
) -> None:
    with ScriptedBroker(refuse, accept_311) as broker, bus_on(broker, listener):
        listener.wait(lambda seen: bool(seen.connections))
    assert listener.connections == [Protocol.V311]
    assert listener.failures == []


def test_what_a_broker_refused_is_not_tried_every_time(listener: RecordingListener) -> None:
    def accept_and_drop(peer: Peer) -> None:
        peer.accept(CONNACK_311)

    scripts = [refuse_version_5, accept_and_drop, accept_311]
    with ScriptedBroker(*scripts) as broker, bus_on(broker, listener):
        listener.wait(lambda seen: len(seen.connections) == 2)
        assert broker.connections == 3


def test_version_5_is_tried_again_after_mere_silence(listener: RecordingListener) -> None:
    def accept_and_drop(peer: Peer) -> None:
        peer.accept(CONNACK_311)

    with ScriptedBroker(hang_up, accept_and_drop, accept_5) as broker, bus_on(broker, listener):
        listener.wait(lambda seen: len(seen.connections) == 2)
        assert broker.connections == 3
    assert listener.connections == [Protocol.V311, Protocol.V5]


def test_a_pinned_version_that_is_refused_is_named(listener: RecordingListener) -> None:
    with ScriptedBroker(refuse_version_5) as broker, bus_on(broker, listener, protocol="5"):
        listener.wait(lambda seen: bool(seen.failures))
    assert listener.failures[0].code is Code.BUS_PROTOCOL
    assert "MQTT 5" in listener.failures[0].reason


@pytest.mark.parametrize(
    ("code", "what"), [("04", "password"), ("05", "not authorised"), ("02", "client id")]
)
def test_a_refusal_of_311_is_explained(code: str, what: str) -> None:
    def refuse(peer: Peer) -> None:
        peer.read()
        peer.send(bytes.fromhex("200200" + code))

    with ScriptedBroker(refuse) as broker:
        settings = BusSettings(url=broker.url, protocol="3.1.1")
        with pytest.raises(TidegateError) as caught, PublisherSession(settings):
            pass
    assert caught.value.code is Code.BUS_REFUSED
    assert what in caught.value.reason


def test_a_taken_over_session_is_explained_and_not_fought_over(listener: RecordingListener) -> None:
    def take_over(peer: Peer) -> None:
        peer.accept()
        peer.send(TAKEN_OVER)
        peer.linger()

    # Every ordinary pause would be zero; only the long one keeps the bus from coming back at once.
    patient = Backoff(lambda: 0.0, first_s=0.02, cap_s=600.0)
    with ScriptedBroker(take_over) as broker, bus_on(broker, listener, patient):
        listener.wait(lambda seen: bool(seen.failures))
        assert broker.connections == 1
    assert listener.failures[0].code is Code.BUS_REFUSED
    assert "host.id" in listener.failures[0].reason


def test_connections_that_keep_breaking_make_a_rival_suspected(listener: RecordingListener) -> None:
    def accept_and_drop(peer: Peer) -> None:
        peer.accept()

    with ScriptedBroker(accept_and_drop) as broker, bus_on(broker, listener):
        listener.wait(lambda seen: len(seen.failures) == 3)
    hints = ["host.id" in failure.reason for failure in listener.failures[:3]]
    assert hints == [False, False, True]


def test_a_refused_publication_is_not_acknowledged(listener: RecordingListener) -> None:
    def refuse_first(peer: Peer) -> None:
        peer.accept()
        for reason in (b"\x87\x00", b""):
            _, publish = peer.read()
            start = 2 + int.from_bytes(publish[:2], "big")
            body = publish[start : start + 2] + reason
            peer.send(b"\x40" + bytes([len(body)]) + body)
        peer.linger()

    with ScriptedBroker(refuse_first) as broker, bus_on(broker, listener) as bus:
        listener.wait(lambda seen: bool(seen.connections))
        assert bus.publish(Outgoing(1, STATUS, b"{}"))
        assert bus.publish(Outgoing(2, STATUS, b"{}"))
        listener.wait(lambda seen: bool(seen.tokens))
    assert listener.tokens == [2]


def test_what_was_not_acknowledged_is_left_to_the_outbox(listener: RecordingListener) -> None:
    published: list[bytes] = []

    def lose(peer: Peer) -> None:
        peer.accept()
        peer.read()

    def record(peer: Peer) -> None:
        peer.accept()
        published.append(peer.read()[1])

    with ScriptedBroker(lose, record, accept_5) as broker, bus_on(broker, listener) as bus:
        listener.wait(lambda seen: bool(seen.connections))
        assert bus.publish(Outgoing(1, STATUS, b"first"))
        listener.wait(lambda seen: len(seen.connections) == 2)
        assert bus.publish(Outgoing(2, STATUS, b"second"))
        listener.wait(lambda seen: len(seen.connections) == 3)
    assert len(published) == 1
    assert published[0].endswith(b"second")


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes(64),
        b"\xff" * 64,
        bytes.fromhex("2000"),
        bytes.fromhex("20030000") + b"\xff",
        CONNACK_5 + b"\x30\x03\x00\xffx",
        CONNACK_5 + b"\x32\x02\x00\x00",
        CONNACK_5 + b"\x90\x00",
        CONNACK_5 + b"\x40\x01\x00",
        CONNACK_5 + b"\x30\x05\x00\x02\xc3\x28\x00",
        CONNACK_5 + b"\x30\x06\x00\x01t\x7f\xff\xff",
    ],
)
def test_garbage_is_survived(garbage: bytes, listener: RecordingListener) -> None:
    def send_garbage(peer: Peer) -> None:
        peer.read()
        peer.send(garbage)

    with ScriptedBroker(send_garbage, accept_5) as broker, bus_on(broker, listener, protocol="5"):
        listener.wait(lambda seen: bool(seen.connections))
        assert broker.connections >= 2
        assert listener.failures


def test_a_packet_too_large_to_hold_is_cut_off(listener: RecordingListener) -> None:
    sent: list[int] = []

    def flood(peer: Peer) -> None:
        peer.accept()
        # A PUBLISH of 256 MiB, the largest that MQTT knows.
        peer.send(b"\x30\xff\xff\xff\x7f\x00\x01t\x00")
        for _ in range(255):
            peer.send(bytes(1024 * 1024))
            sent.append(1)

    with ScriptedBroker(flood, accept_5) as broker, bus_on(broker, listener):
        listener.wait(lambda seen: len(seen.connections) == 2)
    assert "more than 1048576 bytes" in listener.failures[0].reason
    assert listener.messages == []
    # What left this side and not what was held: the kernel's own buffers are in it.
    assert len(sent) < 64


@pytest.mark.parametrize("frame", [10_000, 900_000])
def test_many_packets_below_the_limit_are_not_a_flood(frame: int, listener: RecordingListener) -> None:
    count = 8_000_000 // frame

    def busy(peer: Peer) -> None:
        peer.accept()
        body = b"\x00\x01t\x00" + bytes(frame)
        length = bytes([len(body) & 127 | 128, len(body) >> 7 & 127 | 128, len(body) >> 14])
        for _ in range(count):
            peer.send(b"\x30" + length + body)
        peer.linger()

    with ScriptedBroker(busy) as broker, bus_on(broker, listener):
        listener.wait(lambda seen: len(seen.messages) == count)
    assert listener.failures == []


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_messages_that_would_have_to_be_kept_are_not_taken(
    version: Literal["5", "3.1.1"], listener: RecordingListener
) -> None:
    connack, properties = (CONNACK_5, b"\x00") if version == "5" else (CONNACK_311, b"")

    def hoard(peer: Peer) -> None:
        peer.accept(connack)
        for mid in range(1, 200):
            body = b"\x00\x01t" + mid.to_bytes(2, "big") + properties + bytes(100_000)
            length = bytes([len(body) & 127 | 128, len(body) >> 7 & 127 | 128, len(body) >> 14])
            peer.send(b"\x34" + length + body)
        peer.linger()

    calm = accept_5 if version == "5" else accept_311
    with ScriptedBroker(hoard, calm) as broker, bus_on(broker, listener, protocol=version):
        listener.wait(lambda seen: len(seen.connections) == 2)
    assert "QoS 2" in listener.failures[0].reason
    assert listener.messages == []


def test_random_bytes_are_survived(listener: RecordingListener) -> None:
    source = random.Random(20240229)  # noqa: S311 -- reproducible noise, no secret
    noise = [source.randbytes(source.randint(1, 300)) for _ in range(150)]

    def noisy(data: bytes) -> Callable[[Peer], None]:
        def script(peer: Peer) -> None:
            peer.read()
            peer.send(CONNACK_5)
            peer.send(data)

        return script

    scripts = [noisy(data) for data in noise]
    impatient = Backoff(lambda: 0.0)
    with ScriptedBroker(*scripts, accept_5) as broker, bus_on(broker, listener, impatient, "5"):
        listener.wait(lambda seen: bool(seen.connections), timeout_s=60)
    assert broker.connections == len(noise) + 1
