"""The letter box: bounded in what waits and in what it remembers, whoever puts and takes at the same time."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter

from tidegate_agent.mailbox import CAPACITY, REMEMBERED, Mailbox


def letter(number: int) -> bytes:
    return b"letter %d" % number


def drain(box: Mailbox) -> list[bytes]:
    found = []
    while (taken := box.take()) is not None:
        assert taken[0] == hashlib.sha256(taken[1]).hexdigest()
        found.append(taken[1])
    return found


def test_letters_come_out_in_order_and_the_owner_is_told_once() -> None:
    box = Mailbox()
    assert [box.put(letter(number)) for number in range(3)] == [True, False, False]
    assert not box.empty
    assert drain(box) == [letter(0), letter(1), letter(2)]
    assert Mailbox().empty
    assert box.put(letter(3)) is True


def test_a_letter_is_taken_in_once() -> None:
    box = Mailbox()
    assert box.put(letter(1))
    assert not box.put(letter(1))
    assert drain(box) == [letter(1)]
    assert not box.put(letter(1))
    assert box.empty


def test_a_forgotten_letter_is_heard_again() -> None:
    box = Mailbox()
    box.put(letter(1))
    [(name, _)] = [box.take() or ("", b"")]
    box.forget(name)
    box.forget("never seen")
    assert box.put(letter(1))


def test_a_flood_pushes_the_oldest_out_and_they_get_a_new_hearing() -> None:
    box = Mailbox()
    for number in range(CAPACITY + 5):
        box.put(letter(number))
    assert box.dropped == 5
    assert drain(box) == [letter(number) for number in range(5, CAPACITY + 5)]
    assert box.put(letter(0))
    assert not box.put(letter(5))


def test_the_owner_is_told_once_that_the_box_runs_over() -> None:
    box = Mailbox()
    told = [box.put(letter(number)) for number in range(3 * CAPACITY)]
    assert [number for number, tell in enumerate(told) if tell] == [0, CAPACITY]
    box.take()
    assert [box.put(letter(100 + number)) for number in range(4)] == [False, True, False, False]


def test_what_is_remembered_is_bounded_and_what_comes_often_stays() -> None:
    box = Mailbox()
    box.put(letter(0))
    for number in range(1, REMEMBERED):
        box.put(letter(number))
        drain(box)
    assert not box.put(letter(0)), "recognised, and so remembered as the newest"
    box.put(letter(REMEMBERED))
    drain(box)
    assert not box.put(letter(0))
    assert box.put(letter(1)), "the oldest made room"


def test_many_hands_lose_and_double_nothing() -> None:
    box, found, done = Mailbox(), Counter[bytes](), threading.Event()

    def put(first: int) -> None:
        for number in range(first, first + 200):
            for _ in range(3):
                box.put(letter(number))

    def take() -> None:
        while not (done.is_set() and box.empty):
            if (taken := box.take()) is not None:
                found[taken[1]] += 1

    taker = threading.Thread(target=take)
    putters = [threading.Thread(target=put, args=(start,)) for start in (0, 1000)]
    for thread in (taker, *putters):
        thread.start()
    for thread in putters:
        thread.join(30)
    done.set()
    taker.join(30)
    assert not taker.is_alive()
    # A letter that a flood pushed out may come again, so that only these two bounds hold.
    assert len(found) + box.dropped >= 400
    assert sum(found.values()) <= 400 + box.dropped


def test_all_is_forgotten_but_what_waits() -> None:
    box = Mailbox()
    box.put(b"heard")
    box.take()
    box.put(b"waits")
    box.forget_all()
    box.put(b"waits")
    box.put(b"heard")
    assert [letter[1] for letter in iter(box.take, None)] == [b"waits", b"heard"]


def test_what_is_retained_is_taken_out_next() -> None:
    box = Mailbox()
    assert box.put(letter(1))
    assert not box.put(letter(2), retained=True)
    assert drain(box) == [letter(2), letter(1)]
    assert box.put(letter(3), retained=True), "an empty box's owner is told"
    assert not box.empty
    assert not box.put(letter(4))
    assert drain(box) == [letter(3), letter(4)]


def test_no_flood_pushes_out_what_is_retained() -> None:
    box = Mailbox()
    box.put(b"retained", retained=True)
    for number in range(10 * CAPACITY):
        box.put(letter(number))
    assert box.dropped == 9 * CAPACITY
    assert box.take() == (hashlib.sha256(b"retained").hexdigest(), b"retained")
    assert len(drain(box)) == CAPACITY


def test_of_what_is_retained_the_newest_counts_and_the_others_get_a_new_hearing() -> None:
    box = Mailbox()
    for number in range(5):
        box.put(letter(number), retained=True)
    assert box.dropped == 0
    assert drain(box) == [letter(4)]
    assert box.put(letter(3), retained=True)
    assert not box.put(letter(4), retained=True), "it was heard"


def test_what_waits_already_comes_to_the_front_when_it_is_retained() -> None:
    box = Mailbox()
    for number in range(3):
        box.put(letter(number))
    assert not box.put(letter(2), retained=True)
    assert drain(box) == [letter(2), letter(0), letter(1)]


def test_what_is_retained_and_waits_is_not_forgotten_with_the_rest() -> None:
    box = Mailbox()
    box.put(b"waits", retained=True)
    box.forget_all()
    box.put(b"waits")
    assert drain(box) == [b"waits"]


def test_what_the_channel_stands_at_is_recognised_after_any_flood() -> None:
    box = Mailbox()
    box.put(letter(0))
    box.stand(hashlib.sha256(letter(0)).hexdigest())
    for number in range(1, 3 * REMEMBERED):
        box.put(letter(number))
        drain(box)
    assert not box.put(letter(0), retained=True)
    assert box.empty
    box.stand(hashlib.sha256(letter(3 * REMEMBERED - 1)).hexdigest())
    for number in range(4 * REMEMBERED, 5 * REMEMBERED):
        box.put(letter(number))
        drain(box)
    assert box.put(letter(0)), "another one stands in its place"
