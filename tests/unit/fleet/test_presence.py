"""Whether a host is connected: a property over every order in which its words may come."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.support.host_words import says, will
from tests.support.statements import NOON
from tidegate_fleet.hosts import Fleet

if TYPE_CHECKING:
    from tidegate_schemas.status import HostStatus


def a_life(connections: list[int], *, lives_on: bool) -> list[HostStatus]:
    """What a host tells over connections with so many statuses, each of which breaks; the last maybe not."""
    words: list[HostStatus] = []
    moment, revision = NOON, 0
    for number, count in enumerate(connections, 1):
        began = moment
        for _ in range(count):
            moment, revision = moment + timedelta(seconds=10), revision + 1
            words.append(says(born=(1, number), at=moment, revision=revision))
        if number < len(connections) or not lives_on:
            words.append(will(born=(1, number), at=began))
        moment += timedelta(seconds=10)
    return words


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.data())
def test_in_whatever_order_its_words_come_a_host_is_online_while_its_last_connection_is(
    connections: list[int], data: st.DataObject
) -> None:
    lives_on = data.draw(st.booleans())
    words = a_life(connections, lives_on=lives_on)
    fleet = Fleet()
    for word in data.draw(st.permutations(words)):
        fleet.take(word, NOON)
    assert fleet.hosts["edge-1"].online is lives_on
