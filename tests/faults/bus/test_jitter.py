"""Full jitter as a distribution, and what it makes of a fleet whose broker restarts."""

from __future__ import annotations

import math
import random
import statistics
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.bus.fleet import HOSTS, TAKEN_EACH_SECOND, come_back
from tests.faults.extent import everything
from tidegate_wire.mqtt.backoff import CAP_S, FIRST_S, STABLE_S, Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SEEN: Final = 20_000 if everything() else 4_000
CRITICAL: Final = 1.95
"""Of the Kolmogorov-Smirnov statistic: a uniform sample is above it once in a thousand."""


def distance(sample: Sequence[float], end: float) -> float:
    """How far a sample is from uniform on [0, end): Kolmogorov-Smirnov, times the root of its size."""
    ordered = [each / end for each in sorted(sample)]
    n = len(ordered)
    above = max((place + 1) / n - value for place, value in enumerate(ordered))
    below = max(value - place / n for place, value in enumerate(ordered))
    return max(above, below) * math.sqrt(n)


def hosts(count: int, draw: Callable[[random.Random], float] = random.Random.random) -> list[Backoff]:
    def one(seed: int) -> Backoff:
        own = random.Random(f"jitter/{seed}")  # noqa: S311 - jitter is no secret
        return Backoff(lambda: draw(own))

    return [one(seed) for seed in range(count)]


def correlation(some: Sequence[float], others: Sequence[float]) -> float:
    return statistics.correlation(some, others)


@pytest.mark.parametrize("failures", [0, 1, 4, 8, 9, 30])
def test_each_pause_is_uniform_up_to_its_ceiling(failures: int) -> None:
    fleet = hosts(SEEN)
    for _ in range(failures):
        for backoff in fleet:
            backoff.failed()
    pauses = [backoff.failed() for backoff in fleet]
    assert distance(pauses, min(CAP_S, FIRST_S * 2**failures)) < CRITICAL


def test_after_a_stable_connection_the_first_pause_is_uniform_again() -> None:
    fleet = hosts(SEEN)
    for backoff in fleet:
        for _ in range(12):
            backoff.failed()
    assert distance([backoff.failed(STABLE_S) for backoff in fleet], FIRST_S) < CRITICAL


def test_a_displaced_client_pauses_uniformly_over_the_upper_half() -> None:
    pauses = [backoff.displaced() - CAP_S / 2 for backoff in hosts(SEEN)]
    assert distance(pauses, CAP_S / 2) < CRITICAL


@pytest.mark.parametrize(
    "draw",
    [
        lambda own: own.random() ** 1.1,
        lambda own: 0.1 + 0.9 * own.random(),
        lambda own: round(own.random(), 1),
        lambda own: (own.random() + own.random()) / 2,
    ],
    ids=["bent", "equal jitter", "in steps", "a heap in the middle"],
)
def test_the_measure_tells_what_is_not_uniform(draw: Callable[[random.Random], float]) -> None:
    assert distance([backoff.failed() for backoff in hosts(SEEN, draw)], FIRST_S) > CRITICAL


def test_pauses_tell_nothing_of_each_other() -> None:
    """Neither those of one host that follow each other, nor those of two hosts in the same failure."""
    pauses = [[backoff.failed() for _ in range(14)][9:] for backoff in hosts(SEEN)]
    bound = 4 / math.sqrt(SEEN)
    for lag in range(1, 5):
        assert abs(correlation([one[0] for one in pauses], [one[lag] for one in pauses])) < bound
    assert abs(correlation([one[0] for one in pauses[:-1]], [one[0] for one in pauses[1:]])) < bound


@pytest.mark.parametrize("away_s", [10.0, 60.0, 600.0])
def test_a_fleet_does_not_return_as_a_herd(away_s: float) -> None:
    seen = come_back(away_s)
    assert seen.peak < (1.5 * TAKEN_EACH_SECOND if away_s < 60 else 0.03 * HOSTS)
    assert seen.attempts < 1.1 * HOSTS
    assert seen.last <= CAP_S


def test_after_a_blink_a_longer_first_pause_keeps_a_large_fleet_below_what_its_broker_takes() -> None:
    """With the default first pause ten thousand come within a second: `reconnect_first_s` is for that."""
    assert come_back(0.5).peak > 5 * TAKEN_EACH_SECOND
    spread = come_back(0.5, first_s=30.0)
    assert spread.peak < TAKEN_EACH_SECOND / 2
    assert spread.attempts == HOSTS


def rivals(polite: bool, until_s: float = 7 * 24 * 3600.0) -> int:  # noqa: FBT001 - one of two rivals
    """How often a host connects while another client uses its id; the rival returns as a host or at once."""
    ours, rival = hosts(2)
    now, connects, since = 0.0, 0, 0.0
    while now < until_s:
        # The rival comes and throws us out, then we come and throw it out.
        now += rival.failed(now - since) if polite else 1.0
        now += ours.failed(now - since)
        since = now
        connects += 1
    return connects


@pytest.mark.parametrize("polite", [True, False], ids=["another host", "a client that comes at once"])
def test_two_clients_with_one_id_do_not_fight(*, polite: bool) -> None:
    """Where the broker does not say that it was a takeover: with MQTT 3.1.1, or Mosquitto 2.0.11."""
    a_week = 7 * 24 * 3600
    assert rivals(polite=polite) < 1.1 * a_week / (CAP_S / 2)
