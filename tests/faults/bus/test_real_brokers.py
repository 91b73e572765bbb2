"""Real brokers that are replaced, stopped in the middle, shared by a rival, or refuse what is large."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.bus.post import HOST, STATUS, posted
from tests.faults.extent import everything
from tests.support.brokers import Broker, MosquittoBroker, NatsBroker, free_port
from tests.support.listeners import RecordingListener
from tests.support.waiting import wait_until
from tidegate_agent.adapters.bus_paho import PahoBus
from tidegate_agent.model import Outgoing
from tidegate_wire.mqtt.backoff import Backoff
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHANNEL = "tidegate/v1/channels/os/stable"


@pytest.fixture(
    params=[
        pytest.param("mosquitto", marks=pytest.mark.real("mosquitto")),
        pytest.param("nats", marks=pytest.mark.real("nats-server")),
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(kind: str, folder: Path, port: int) -> Broker:
    folder.mkdir()
    return MosquittoBroker(folder, None, port) if kind == "mosquitto" else NatsBroker(folder, None, port)


@contextlib.contextmanager
def bus(url: str, listener: RecordingListener, backoff: Backoff) -> Iterator[PahoBus]:
    settings = BusSettings(url=url, keepalive_s=5)
    made = PahoBus(settings, HOST, [CHANNEL], backoff)
    made.start(listener, lambda: Outgoing(-1, STATUS, b"offline", retain=True))
    try:
        yield made
    finally:
        made.stop(None)


def quick(seed: int) -> Backoff:
    return Backoff(random.Random(seed).random, 0.02, 0.2)  # noqa: S311 - jitter is no secret


def test_a_broker_is_replaced_by_an_empty_one_at_the_same_address(kind: str, tmp_path: Path) -> None:
    """No sessions, no retained messages: the subscription is made anew, and what is announced is heard."""
    port, listener = free_port(), RecordingListener()
    first = make(kind, tmp_path / "first", port)
    first.start()
    with bus(first.url, listener, quick(1)):
        try:
            listener.wait(lambda seen: bool(seen.connections))
        finally:
            first.kill()
        listener.wait(lambda seen: bool(seen.failures))
        with make(kind, tmp_path / "second", port) as second:
            listener.wait(lambda seen: len(seen.connections) == 2, 60)
            with PublisherSession(BusSettings(url=second.url)) as session:
                session.publish(CHANNEL, b"news", retain=True)
            listener.wait(lambda seen: (CHANNEL, b"news") in seen.messages)


@pytest.mark.skipif(not everything(), reason="`./dev test faults --all` tries it")
@pytest.mark.real("mosquitto")
def test_a_broker_whose_process_hangs_is_given_up_and_found_again(tmp_path: Path) -> None:
    """The kernel still acknowledges every segment: only the broker's silence tells."""
    with MosquittoBroker(tmp_path) as broker, posted(0, broker.url, keepalive_s=5) as post:
        post.until(lambda: bool(post.connections))
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            post.until(lambda: bool(post.failures))
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        assert "has said nothing for" in post.failures[0].reason
        post.tell(1, 40)
        post.until(lambda: len(post.connections) == 2)
        post.drained()


@pytest.mark.real("mosquitto")
def test_a_rival_takes_over_once_and_we_are_back_at_once(tmp_path: Path) -> None:
    listener = RecordingListener()
    with MosquittoBroker(tmp_path) as broker, bus(broker.url, listener, quick(1)):
        listener.wait(lambda seen: bool(seen.connections))
        with PublisherSession(BusSettings(url=broker.url), client_id=HOST):
            listener.wait(lambda seen: bool(seen.failures))
        listener.wait(lambda seen: len(seen.connections) >= 2)


@pytest.mark.real("mosquitto")
def test_two_hosts_with_one_id_come_ever_more_rarely_and_say_why(tmp_path: Path) -> None:
    """Mosquitto 2.0.11 does not say that it was a takeover: the growing pauses keep the peace even so."""
    one, other = RecordingListener(), RecordingListener()
    patient = [Backoff(lambda: 0.999, 0.05, 600.0) for _ in range(2)]
    with (
        MosquittoBroker(tmp_path) as broker,
        bus(broker.url, one, patient[0]),
        bus(broker.url, other, patient[1]),
    ):
        one.wait(lambda seen: len(seen.failures) >= 4, 60)
    # Each lost connection doubles the pause before the next: 0.05 s, 0.1 s, ...
    assert len(one.connections) <= 8
    assert len(other.connections) <= 8
    assert any("host.id" in failure.reason for failure in [*one.failures, *other.failures])


@pytest.mark.real("mosquitto")
def test_a_restart_in_the_middle_of_many_events_loses_none(tmp_path: Path) -> None:
    with MosquittoBroker(tmp_path) as broker, posted(400, broker.url, protocol="5") as post:
        for left in (300, 150):
            post.until(lambda left=left: len(post.left()) <= left)  # type: ignore[misc] # bound at once
            broker.kill()
            post.until(lambda: bool(post.failures))
            broker.start()
        post.drained()
    wait_until(lambda: not post.left(), "everything is told")
