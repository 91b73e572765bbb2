"""Several brokers that stand for each other: which is tried, in which order, and when."""

from __future__ import annotations

import pytest

from tests.faults.bus.mail import Book, acknowledge
from tests.faults.bus.post import posted
from tests.support.brokers import free_port
from tests.support.scripted_broker import CONNACK_5, CONNACK_311, Peer, ScriptedBroker
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.cluster import Cluster
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

URLS = ("mqtt://a", "mqtt://b", "mqtt://c", "mqtt://d")


def fair(book: Book) -> ScriptedBroker:
    def script(peer: Peer) -> None:
        peer.accept(CONNACK_311)
        while True:
            acknowledge(peer, book.read(peer))

    return ScriptedBroker(script)


def urls(cluster: Cluster) -> list[str]:
    return [broker.settings.url for broker in cluster.in_turn()]


def test_each_is_tried_once_in_a_round_and_the_one_that_was_lost_at_last() -> None:
    cluster = Cluster(
        BusSettings(url=URLS[0], alternatives=URLS[1:]), shuffle=lambda brokers: brokers.reverse()
    )
    assert urls(cluster) == list(URLS[::-1])
    cluster.leave(cluster.in_turn()[1])
    assert urls(cluster) == ["mqtt://d", "mqtt://b", "mqtt://a", "mqtt://c"]


def test_hosts_spread_over_all_of_them() -> None:
    settings = BusSettings(url=URLS[0], alternatives=URLS[1:])
    first = [urls(Cluster(settings))[0] for _ in range(400)]
    assert all(60 < first.count(url) < 140 for url in URLS)


def test_a_broker_that_is_not_there_costs_no_pause() -> None:
    book, nobody = Book(), f"mqtt://127.0.0.1:{free_port()}"
    with (
        fair(book) as broker,
        posted(3, nobody, alternatives=(nobody[:-1] + "1", broker.url), protocol="3.1.1") as post,
    ):
        post.drained()
        # A round is one attempt: it did not fail.
        assert post.failures == []


def test_when_none_is_there_it_is_one_failure_and_one_pause() -> None:
    nobody = [f"mqtt://127.0.0.1:{free_port()}" for _ in range(3)]
    with posted(0, nobody[0], alternatives=tuple(nobody[1:]), protocol="3.1.1") as post:
        post.until(lambda: len(post.failures) == 1)
    assert post.failures[0].code is Code.BUS_UNREACHABLE


def test_after_a_loss_the_others_come_first() -> None:
    lost, kept = Book(), Book()

    def take_one(peer: Peer) -> None:
        peer.accept(CONNACK_311)
        acknowledge(peer, lost.read(peer))
        peer.leave()

    with (
        ScriptedBroker(take_one) as first,
        fair(kept) as second,
        posted(40, first.url, alternatives=(second.url,), protocol="3.1.1") as post,
    ):
        post.drained()
        assert (first.connections, second.connections) == (1, 1)
    told = [mail.event for mail in lost.mails] + [mail.event for mail in kept.mails]
    assert list(dict.fromkeys(told)) == [str(number) for number in range(1, 41)]


def test_who_is_displaced_does_not_go_to_the_next_one_to_be_displaced_there() -> None:
    def take_over(peer: Peer) -> None:
        peer.read()
        peer.send(CONNACK_5)
        peer.read()
        peer.send(bytes.fromhex("e0018e"))
        peer.linger()

    with (
        ScriptedBroker(take_over) as first,
        ScriptedBroker(take_over) as second,
        posted(0, first.url, alternatives=(second.url,), protocol="5") as post,
    ):
        post.until(lambda: bool(post.failures))
        assert (first.connections, second.connections) == (1, 0)
        assert post.failures[0].code is Code.BUS_REFUSED


def test_a_publisher_goes_round_them_too() -> None:
    book, nobody = Book(), [f"mqtt://127.0.0.1:{free_port()}" for _ in range(2)]
    with fair(book) as broker:
        settings = BusSettings(url=nobody[0], alternatives=(broker.url, nobody[1]), protocol="3.1.1")
        with PublisherSession(settings) as session:
            assert session.protocol == "3.1.1"
    with (
        pytest.raises(TidegateError, match="Nothing listens"),
        PublisherSession(BusSettings(url=nobody[0], alternatives=(nobody[1],))),
    ):
        pass
