"""The contract of `ports.Bus`: the fake and PahoBus on every broker that we run against behave the same."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.contract.bus_worlds import FakeWorld, RealWorld, World
from tests.support.brokers import MosquittoBroker, NatsBroker
from tests.support.listeners import RecordingListener
from tidegate_agent.model import Outgoing, Protocol
from tidegate_schemas import limits
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_agent.ports import Bus

CHANNEL = "tidegate/v1/channels/shop/stable"
STATUS = "tidegate/v1/hosts/edge-1/status"
EVENTS = "tidegate/v1/hosts/edge-1/events"

WORLDS = [
    "fake",
    pytest.param("mosquitto-5", marks=pytest.mark.real("mosquitto")),
    pytest.param("mosquitto-3.1.1", marks=pytest.mark.real("mosquitto")),
    pytest.param("nats", marks=pytest.mark.real("nats-server")),
]


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made: World
    match request.param:
        case "fake":
            made = FakeWorld()
        case "mosquitto-5":
            made = RealWorld(MosquittoBroker(tmp_path), Protocol.V5, "5")
        case "mosquitto-3.1.1":
            made = RealWorld(MosquittoBroker(tmp_path), Protocol.V311, "3.1.1")
        case _:
            made = RealWorld(NatsBroker(tmp_path), Protocol.V311, "auto")
    yield made
    made.close()


@contextlib.contextmanager
def running(world: World, listener: RecordingListener, wills: list[bytes] | None = None) -> Iterator[Bus]:
    """A started bus that has connected. Each will differs; those given are recorded in `wills`."""
    given: list[bytes] = [] if wills is None else wills

    def will() -> Outgoing:
        given.append(b"offline %d" % len(given))
        return Outgoing(0, STATUS, given[-1], retain=True)

    bus = world.bus("edge-1", [CHANNEL, "tidegate/v1/hosts/edge-1/requests"])
    bus.start(listener, will)
    try:
        listener.wait(lambda seen: bool(seen.connections))
        yield bus
    finally:
        bus.stop(None)


@pytest.fixture
def listener() -> RecordingListener:
    return RecordingListener()


def test_connects_and_says_which_protocol(world: World, listener: RecordingListener) -> None:
    with running(world, listener):
        assert listener.connections == [world.protocol]
        assert listener.failures == []


def test_a_birth_is_published_and_acknowledged(world: World, listener: RecordingListener) -> None:
    with running(world, listener) as bus:
        assert bus.publish(Outgoing(17, STATUS, b"online", retain=True))
        listener.wait(lambda seen: seen.tokens == [17])
        world.await_retained(STATUS, b"online")


def test_every_token_comes_back_once(world: World, listener: RecordingListener) -> None:
    tokens = set(range(100, 300))
    with running(world, listener) as bus:
        for token in tokens:
            assert bus.publish(Outgoing(token, EVENTS, b"{}", properties=(("ce_id", str(token)),)))
        listener.wait(lambda seen: len(seen.tokens) >= len(tokens))
    assert sorted(listener.tokens) == sorted(tokens)


def test_a_retained_statement_is_delivered_on_connecting(world: World, listener: RecordingListener) -> None:
    world.publish(CHANNEL, b"statement", retain=True)
    with running(world, listener):
        listener.wait(lambda seen: (CHANNEL, b"statement") in seen.messages)
    assert listener.retained == [True]


def test_what_is_published_to_be_stored_is_not_what_the_broker_has_stored(
    world: World, listener: RecordingListener
) -> None:
    with running(world, listener) as bus:
        world.publish(CHANNEL, b"statement", retain=True)
        listener.wait(lambda seen: len(seen.messages) == 1)
        bus.resubscribe()
        listener.wait(lambda seen: len(seen.messages) == 2)
    assert listener.retained == [False, True]


def test_a_live_message_is_delivered_and_others_are_not(world: World, listener: RecordingListener) -> None:
    with running(world, listener):
        world.publish("tidegate/v1/channels/other/stable", b"not ours")
        world.publish(CHANNEL, b"ours")
        listener.wait(lambda seen: bool(seen.messages))
    assert listener.messages == [(CHANNEL, b"ours")]


def test_the_session_outlives_an_absence(world: World, listener: RecordingListener) -> None:
    with running(world, listener):
        pass
    world.publish(CHANNEL, b"sent while away")
    later = RecordingListener()
    with running(world, later):
        later.wait(lambda seen: (CHANNEL, b"sent while away") in seen.messages)
    assert later.retained == [False]
    assert listener.messages == []


def test_asking_again_brings_the_retained_statement_again(world: World, listener: RecordingListener) -> None:
    world.publish(CHANNEL, b"statement", retain=True)
    with running(world, listener) as bus:
        listener.wait(lambda seen: len(seen.messages) == 1)
        bus.resubscribe()
        listener.wait(lambda seen: len(seen.messages) == 2)
    assert listener.messages == [(CHANNEL, b"statement")] * 2


def has_heard(message: tuple[str, bytes], seen: RecordingListener) -> bool:
    return message in seen.messages


def test_a_topic_that_is_muted_is_silent_until_all_is_asked_for_again(
    world: World, listener: RecordingListener
) -> None:
    requests = "tidegate/v1/hosts/edge-1/requests"
    with running(world, listener) as bus:
        bus.mute([CHANNEL])
        # UNSUBSCRIBE and these come over different connections: until the broker has it, some still come.
        heard = -1
        for round_ in range(50):
            world.publish(CHANNEL, b"%d" % round_, retain=True)
            world.publish(requests, b"%d" % round_)
            listener.wait(partial(has_heard, (requests, b"%d" % round_)))
            if (CHANNEL, b"%d" % round_) not in listener.messages:
                heard = round_
                break
        assert heard >= 0, "the topic is not muted"
        bus.resubscribe()
        listener.wait(lambda seen: seen.messages[-1] == (CHANNEL, b"%d" % heard) and seen.retained[-1])
        world.publish(CHANNEL, b"live again")
        listener.wait(lambda seen: seen.messages[-1] == (CHANNEL, b"live again"))


def test_asking_again_while_away_does_nothing(world: World, listener: RecordingListener) -> None:
    with running(world, listener) as bus:
        bus.stop(None)
        bus.resubscribe()
    assert listener.messages == []


def test_an_oversized_message_is_cut(world: World, listener: RecordingListener) -> None:
    size = limits.STATEMENT_BYTES + 1000
    with running(world, listener) as bus:
        assert bus.publish(Outgoing(1, CHANNEL, b"x" * size))
        listener.wait(lambda seen: bool(seen.messages))
    topic, payload = listener.messages[0]
    assert topic == CHANNEL
    assert payload == b"x" * (limits.STATEMENT_BYTES + 1)


def test_nothing_is_taken_while_the_broker_is_away(world: World, listener: RecordingListener) -> None:
    with running(world, listener) as bus:
        world.down()
        listener.wait(lambda seen: bool(seen.failures))
        assert not bus.publish(Outgoing(5, EVENTS, b"{}"))
        assert listener.failures[0].code is Code.BUS_UNREACHABLE
    assert listener.tokens == []


def test_comes_back_after_the_broker_restarted(world: World, listener: RecordingListener) -> None:
    world.publish(CHANNEL, b"before", retain=True)
    with running(world, listener) as bus:
        listener.wait(lambda seen: bool(seen.messages))
        world.down()
        listener.wait(lambda seen: bool(seen.failures))
        world.up()
        listener.wait(lambda seen: len(seen.connections) >= 2)
        # The retained statement comes again, whatever the broker did to the queue.
        listener.wait(lambda seen: seen.messages.count((CHANNEL, b"before")) >= 2)
        listener.wait(lambda _: bus.publish(Outgoing(9, EVENTS, b"{}")))
        listener.wait(lambda seen: seen.tokens == [9])
    assert set(listener.connections) == {world.protocol}


def test_waits_for_a_broker_that_is_not_there_yet(world: World, listener: RecordingListener) -> None:
    world.down()
    bus = world.bus("edge-1", [CHANNEL])
    bus.start(listener, lambda: Outgoing(0, STATUS, b"offline", retain=True))
    try:
        listener.wait(lambda seen: bool(seen.failures))
        assert not listener.connections
        world.up()
        listener.wait(lambda seen: bool(seen.connections))
    finally:
        bus.stop(None)


def test_a_lost_client_leaves_the_will_it_gave_last(world: World, listener: RecordingListener) -> None:
    wills: list[bytes] = []
    with running(world, listener, wills):
        # Finding out the protocol can take more than one attempt, hence more than one will.
        first = wills[-1]
        world.cut()
        world.await_retained(STATUS, first)
        world.mend()
        listener.wait(lambda seen: len(seen.connections) == 2)
        second = wills[-1]
        world.cut()
        world.await_retained(STATUS, second)
    assert first != second


def test_says_farewell_and_leaves_no_will(world: World, listener: RecordingListener) -> None:
    with running(world, listener) as bus:
        bus.stop(Outgoing(2, STATUS, b"shut down in order", retain=True))
        assert not bus.publish(Outgoing(3, EVENTS, b"{}"))
        bus.stop(None)
    world.await_retained(STATUS, b"shut down in order")
    assert listener.failures == []
