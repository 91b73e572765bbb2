"""Brokers that misbehave towards events: none is lost, none comes in a wrong order or with other content."""

from __future__ import annotations

import contextlib
import random
import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.bus.mail import PINGREQ, QUOTA_EXCEEDED, Book, Mail, acknowledge, mid_of_5
from tests.faults.bus.post import FastClock, posted
from tests.faults.extent import sample
from tests.support.scripted_broker import CONNACK_311, Peer, ScriptedBroker
from tidegate_agent.outbox import IN_FLIGHT
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT: Final = 60
IDS: Final = [str(number) for number in range(1, COUNT + 1)]
CUTS: Final = [1, 2, 3, 5, 8, 15, 16, 17, 31, 59]


def connack_5(receive_maximum: int | None = None, packet_bytes: int | None = None) -> bytes:
    """A CONNACK of MQTT 5 (3.2.2.3) that sets bounds."""
    properties = b""
    if receive_maximum is not None:
        properties += b"\x21" + receive_maximum.to_bytes(2, "big")
    if packet_bytes is not None:
        properties += b"\x27" + packet_bytes.to_bytes(4, "big")
    body = b"\x00\x00" + bytes([len(properties)]) + properties
    return b"\x20" + bytes([len(body)]) + body


def welcome_5(peer: Peer, connack: bytes) -> None:
    peer.read()
    peer.send(connack)
    _, subscribe = peer.read()
    peer.send(b"\x90\x04" + subscribe[:2] + b"\x00\x01")


def in_order(book: Book) -> None:
    assert book.events == IDS


@pytest.mark.parametrize("cut", sample(CUTS, 4))
@pytest.mark.parametrize("acknowledged", [True, False], ids=["and says so", "and says nothing"])
def test_a_broker_that_hangs_up_after_some_packets(cut: int, *, acknowledged: bool) -> None:
    """Over and over; the last PUBACKs never arrive, or none of a connection but its first."""
    book, known = Book(), set[str]()

    def script(peer: Peer) -> None:
        peer.accept(CONNACK_311)
        # It hears no more than are under way at once until it says something.
        most = COUNT - len(known) if acknowledged else min(COUNT - len(known), IN_FLIGHT)
        for place in range(min(cut, most)):
            mail = book.read(peer)
            if acknowledged or place == 0:
                known.add(mail.event)
                acknowledge(peer, mail)
        peer.leave()

    with ScriptedBroker(script) as broker, posted(COUNT, broker.url, protocol="3.1.1") as post:
        post.drained()
    in_order(book)
    # What comes again comes with the same id: the set of ids is that of the events.
    assert {mail.event for mail in book.mails} == set(IDS)


def test_pubacks_that_are_lost_bring_everything_again_in_order() -> None:
    book = Book()

    def mute(peer: Peer) -> None:
        peer.accept(CONNACK_311)
        for _ in range(IN_FLIGHT):
            book.read(peer)

    def fair(peer: Peer) -> None:
        peer.accept(CONNACK_311)
        while True:
            acknowledge(peer, book.read(peer))

    with ScriptedBroker(mute, mute, fair) as broker, posted(COUNT, broker.url, protocol="3.1.1") as post:
        post.drained()
    first = IDS[:IN_FLIGHT]
    assert [mail.event for mail in book.mails] == [*first, *first, *IDS]


@pytest.mark.parametrize("way", ["backwards", "shuffled", "twice", "of nobody"])
def test_pubacks_in_any_order_twice_and_for_what_was_never_sent(way: str) -> None:
    book, chance = Book(), random.Random(5)  # noqa: S311 - a reproducible order

    def answers(batch: list[Mail]) -> list[Mail]:
        match way:
            case "backwards":
                return batch[::-1]
            case "shuffled":
                return chance.sample(batch, len(batch))
            case "twice":
                return [*batch, *batch]
            case _:
                return [Mail(60_000 + mail.mid, "") for mail in batch] + batch

    def script(peer: Peer) -> None:
        peer.accept(CONNACK_311)
        left = COUNT
        while left:
            batch = [book.read(peer) for _ in range(min(IN_FLIGHT, left))]
            left -= len(batch)
            acknowledge(peer, *answers(batch))
        peer.linger()

    with ScriptedBroker(script) as broker, posted(COUNT, broker.url, protocol="3.1.1") as post:
        post.drained()
        assert post.failures == []
    assert [mail.event for mail in book.mails] == IDS


def answer_pings(peer: Peer, book: Book) -> None:
    while True:
        first, _ = peer.read()
        if first == PINGREQ:
            peer.send(b"\xd0\x00")
        else:
            book.mails.append(Mail(0, ""))


def test_a_broker_that_lives_and_takes_nothing_is_left_for_another_connection() -> None:
    """Within a connection MQTT sends nothing twice: events would wait as long as it lives."""
    book, clock = Book(), FastClock()

    def stuck(peer: Peer) -> None:
        peer.accept(CONNACK_311)
        answer_pings(peer, Book())

    def fair(peer: Peer) -> None:
        peer.accept(CONNACK_311)
        while True:
            acknowledge(peer, book.read(peer))

    with (
        ScriptedBroker(stuck, fair) as broker,
        posted(COUNT, broker.url, clock, protocol="3.1.1", keepalive_s=5) as post,
    ):
        post.until(lambda: bool(post.connections))
        assert post.failures == []
        clock.push(31)
        post.drained()
        assert [failure.code for failure in post.failures] == [Code.BUS_UNREACHABLE]
        assert "acknowledged nothing for" in post.failures[0].reason
    in_order(book)


def test_a_slow_broker_is_not_left() -> None:
    """It takes 20 s for each message, and there is always one under way."""
    book, clock = Book(), FastClock()

    def slow(peer: Peer) -> None:
        peer.accept(CONNACK_311)
        waiting = [book.read(peer) for _ in range(IN_FLIGHT)]
        while len(book.mails) < COUNT:
            clock.push(20)
            acknowledge(peer, waiting.pop(0))
            # The next one comes when the host has heard of that: no two pauses become one for it.
            waiting.append(book.read(peer))
        acknowledge(peer, *waiting)
        peer.linger()

    with (
        ScriptedBroker(slow) as broker,
        posted(COUNT, broker.url, clock, protocol="3.1.1", keepalive_s=5) as post,
    ):
        post.drained()
        assert post.failures == []
    in_order(book)


def test_a_peer_that_vanished_is_noticed_one_answer_after_a_keepalive() -> None:
    """It sends no FIN and no RST, and takes in what comes: a cable that was pulled looks like that."""

    def vanish(peer: Peer) -> None:
        peer.accept(CONNACK_311)
        peer.linger()

    with ScriptedBroker(vanish) as broker, posted(0, broker.url, protocol="3.1.1", keepalive_s=5) as post:
        post.until(lambda: bool(post.failures))
        assert broker.connections >= 1
    # A keepalive and, as this one is short, nine tenths of another for the answer.
    assert re.search("has said nothing for (9|10|11) s", post.failures[0].reason)


@pytest.mark.parametrize("most", [1, 2, 7])
def test_a_broker_that_takes_few_at_once_is_never_given_more(most: int) -> None:
    """Else it hangs up with 0x93, each time (MQTT 5.0, 3.3.4)."""
    taken, more_came = 0, False

    def script(peer: Peer) -> None:
        nonlocal taken, more_came
        welcome_5(peer, connack_5(receive_maximum=most))
        while taken < COUNT:
            batch = [mid_of_5(peer.read()[1]) for _ in range(min(most, COUNT - taken))]
            if taken < 3 * most:
                more_came = more_came or not peer.quiet(0.3)
            taken += len(batch)
            peer.send(b"".join(b"\x40\x02" + mid for mid in batch))
        peer.linger()

    with ScriptedBroker(script) as broker, posted(COUNT, broker.url, protocol="5") as post:
        post.drained()
        assert post.failures == []
    assert (taken, more_came) == (COUNT, False)


def test_what_is_larger_than_the_broker_takes_keeps_nothing_else_back() -> None:
    """Sent, it would cost the connection, each time anew (0x95; MQTT 5.0, 3.1.2.11.4)."""
    got: list[bytes] = []

    def script(peer: Peer) -> None:
        welcome_5(peer, connack_5(packet_bytes=4096))
        while True:
            _, body = peer.read()
            got.append(body)
            peer.send(b"\x40\x02" + mid_of_5(body))

    with ScriptedBroker(script) as broker, posted(0, broker.url, protocol="5") as post:
        event = post_large(post.journal.commit)
        post.tell(2, COUNT)
        post.until(lambda: bool(post.pauses))
        for _ in range(COUNT):
            left = len(post.left())
            post.outbox.try_again()
            post.until(lambda left=left: post.left() == [event] or len(post.left()) < left)  # type: ignore[misc] # bound at once
        assert post.left() == [event]
        assert post.failures == []
    assert max(map(len, got)) < 4096


def post_large(commit: Callable[..., None]) -> int:
    """An event of more than 4 KiB, the first; its token."""
    from tests.support.statements import an_event  # noqa: PLC0415 - one use
    from tidegate_agent.records import Change  # noqa: PLC0415 - the same

    event = an_event()
    data = event.data.model_copy(update={"details": {"output": "x" * 4000, "more": "y" * 500}})
    commit(Change(None, events=(event.model_copy(update={"id": "large", "data": data}),)))
    return 1


def refuse_first(count: int, taken: list[bytes]) -> Callable[[Peer], None]:
    """A broker whose disk is full for the first so many messages."""

    def script(peer: Peer) -> None:
        peer.accept()
        refused = 0
        while True:
            _, body = peer.read()
            mid = mid_of_5(body)
            if refused < count:
                refused += 1
                peer.send(b"\x40\x04" + mid + bytes([QUOTA_EXCEEDED, 0]))
            else:
                taken.append(body)
                peer.send(b"\x40\x02" + mid)

    return script


def test_a_broker_whose_disk_is_full_gets_everything_when_there_is_room() -> None:
    """On the same connection, which nothing but the outbox's own pause keeps from trying again."""
    taken: list[bytes] = []
    script = refuse_first(IN_FLIGHT, taken)
    with ScriptedBroker(script) as broker, posted(COUNT, broker.url, protocol="5") as post:
        post.until(lambda: len(post.pauses) == 1)
        with contextlib.suppress(AssertionError):
            post.until(lambda: bool(taken), timeout_s=0.5)
        assert taken == []
        assert len(post.left()) == COUNT
        post.outbox.try_again()
        post.drained()
        assert post.failures == []
        assert len(post.connections) == 1
    found = [re.search(rb"\x00\x02id\x00.(\d+)\x26", body) for body in taken]
    assert [each[1].decode() for each in found if each] == IDS
