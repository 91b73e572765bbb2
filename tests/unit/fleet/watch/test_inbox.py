from __future__ import annotations

import threading

from tests.support.watched import passage
from tidegate_fleet.watch.inbox import ConnectionSeen, Flooding, Inbox
from tidegate_fleet.watch.listening import Allowance


def test_words_come_out_in_their_order_and_in_portions() -> None:
    inbox, words = Inbox(), list(passage("edge-1"))
    for word in words:
        inbox.put(word)
    assert len(inbox) == 8
    assert [*inbox.take(3), *inbox.take(3), *inbox.take(3)] == words
    assert inbox.take() == []


def test_who_listens_waits_while_there_are_too_many() -> None:
    inbox, through = Inbox(most=2), threading.Event()

    def listen() -> None:
        for number in range(5):
            inbox.put(Flooding(str(number)))
        through.set()

    thread = threading.Thread(target=listen)
    thread.start()
    seen: list[object] = []
    while len(seen) < 5:
        assert inbox.wait(10)
        assert len(inbox) <= 2
        seen += inbox.take(1)
    thread.join(10)
    assert through.is_set()
    assert seen == [Flooding(str(number)) for number in range(5)]


def test_nobody_waits_once_it_is_closed() -> None:
    inbox = Inbox(most=1)
    inbox.put(ConnectionSeen())
    waiting = threading.Thread(target=inbox.put, args=(ConnectionSeen(),))
    waiting.start()
    inbox.close()
    waiting.join(10)
    assert not waiting.is_alive()
    inbox.put(ConnectionSeen())
    assert len(inbox) == 0
    assert inbox.wait(0)


def test_a_host_that_floods_is_told_once_a_second_and_others_are_heard() -> None:
    seconds = [0.0]
    allowance = Allowance(each=3, clock=lambda: seconds[0])
    assert [allowance.takes("a") for _ in range(6)] == [True, True, True, None, False, False]
    assert allowance.takes("b") is True
    seconds[0] = 1.0
    assert allowance.takes("a") is True
