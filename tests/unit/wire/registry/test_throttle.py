"""The bandwidth cap: what is never exceeded, who gets how much, and pauses that end when nobody waits."""

from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.pacing import FakeTime
from tidegate_wire.registry.pauses import Pauses
from tidegate_wire.registry.source import Cancelled
from tidegate_wire.registry.throttle import PIECE_S, Throttle

KIB = 1024


def reading(throttle: Throttle, time: FakeTime, size: int, slow: float = 0.0) -> list[tuple[float, int]]:
    """Read so many bytes as a transfer does, each piece taking the network so long: moments and lengths."""
    found: list[tuple[float, int]] = []
    while size > 0:
        time.now += throttle.owed(time.now)
        length = min(size, throttle.piece(256 * KIB))
        throttle.came(length, time.now)
        time.now += slow
        found.append((time.now, length))
        size -= length
    return found


@given(
    rate=st.integers(1, 10_000_000),
    size=st.integers(1, 5_000_000),
    idle=st.floats(0, 1000),
    slow=st.floats(0, 2),
)
def test_no_stretch_of_time_brings_more_than_its_share_and_two_pieces(
    rate: int, size: int, idle: float, slow: float
) -> None:
    time, throttle = FakeTime(), Throttle(lambda: rate)
    size = min(size, rate * 20)
    pieces = reading(throttle, time, size)
    # Idle time saves nothing up.
    time.now += idle
    pieces += reading(throttle, time, size, slow)
    most = max(length for _, length in pieces)
    assert most <= max(1, rate * PIECE_S)
    for first, last in itertools.combinations(range(0, len(pieces), max(1, len(pieces) // 12)), 2):
        came = sum(length for _, length in pieces[first : last + 1])
        assert came <= rate * (pieces[last][0] - pieces[first][0]) * (1 + 1e-6) + 2 * most + 1e-3


def test_a_whole_download_takes_the_time_that_its_rate_says() -> None:
    time, throttle = FakeTime(now=0.0), Throttle(lambda: 500 * KIB)
    reading(throttle, time, 5_000 * KIB)
    assert time.now + throttle.owed(time.now) == pytest.approx(10.0)


def test_a_network_that_is_slower_than_the_rate_is_not_slowed_down() -> None:
    time, throttle = FakeTime(now=0.0), Throttle(lambda: 500 * KIB)
    pieces = reading(throttle, time, 5_000 * KIB, slow=2.0)
    assert time.now == pytest.approx(2.0 * len(pieces))


def test_transfers_side_by_side_have_equal_shares() -> None:
    time, throttle = FakeTime(now=0.0), Throttle(lambda: 100 * KIB)
    came = {"first": 0, "second": 0, "third": 0}
    while time.now < 30:
        # All of them wait for the same moment, and then read a piece each.
        time.now += throttle.owed(time.now)
        for name in came:
            length = throttle.piece(256 * KIB)
            throttle.came(length, time.now)
            came[name] += length
    assert len(set(came.values())) == 1
    assert sum(came.values()) == pytest.approx(30 * 100 * KIB, rel=0.03)


def test_the_rate_in_force_is_asked_for_each_piece() -> None:
    rates: list[float | None] = [100.0]
    time, throttle = FakeTime(now=0.0), Throttle(lambda: rates[0])
    assert (throttle.piece(1000), throttle.ahead) == (25, 16 * KIB)
    throttle.came(25, 0.0)
    rates[0] = None
    assert (throttle.piece(1000), throttle.ahead) == (1000, None)
    throttle.came(1000, 0.0)
    assert throttle.owed(0.0) == 0.25
    rates[0] = 2_000_000.0
    assert throttle.ahead == 1_000_000
    assert reading(throttle, time, 2_000_000)[-1][0] == pytest.approx(0.25 + 1.0, abs=0.3)


def test_a_pause_ends_when_nobody_waits_any_more() -> None:
    time = FakeTime(now=0.0)
    pauses = Pauses(time.sleep, time.clock)
    with pytest.raises(Cancelled), pauses.unless(lambda: time.now > 10):
        pauses.sleep(3600)
    assert 10 < time.now <= 10.25
    # Outside of the block nobody is asked.
    pauses.sleep(3600)
    assert time.now > 3600


def test_nothing_is_waited_for_where_nobody_waits_already() -> None:
    time = FakeTime(now=0.0)
    pauses = Pauses(time.sleep, time.clock)
    with pytest.raises(Cancelled), pauses.unless(lambda: True):
        pauses.sleep(0.0)
    assert time.slept == []


def test_any_thread_may_use_it() -> None:
    throttle, gate = Throttle(lambda: 1000.0), threading.Barrier(4)

    def read() -> None:
        gate.wait(10)
        for _ in range(500):
            throttle.came(1, 0.0)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(10)
    assert throttle.owed(0.0) == pytest.approx(2.0)
