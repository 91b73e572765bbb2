"""How large the waves are, and who will fail: chosen so that the story can be told. Pure.

Three per cent of the hosts fail with 2.0. Which of them is drawn by hash; of the seeds the first is taken
with which the canary wave does well enough and the second wave does not. A real fleet may be less obliging,
and a release that fails its canaries is stopped earlier still.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tidegate_publisher.devstack.simulator.command import image_of
from tidegate_publisher.devstack.simulator.profile import Behaviour, Installed, Kind, host_name
from tidegate_publisher.devstack.simulator.shares import Share, drawn
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import cohort

PRODUCT: Final = "edge"
CHANNEL: Final = "stable"
BAD: Final = "2.0"
FIXED: Final = "2.1"
FEWEST: Final = 100

WAVES: Final = ("canary", "early", "everybody")
FAILURES: Final = 0.03
TOLERATED: Final = 0.02

_SURE: Final = 0.027
_FAST: Final = 1000
_SEEDS: Final = 2000
_RELEASE_SEED: Final = "the same for all"


@dataclass(frozen=True, slots=True)
class Scenario:
    """The sizes of one run of the demo.

    Attributes:
        hosts: how many.
        seed: of the simulated fleet.
        fractions: of the three waves, cumulative.
        sizes: hosts in each wave.
        failing: hosts of each wave that fail with BAD.
        minimum: how many hosts of a wave must have come to an end before the share of failures counts.
        speed: how much faster than life the hosts go.
    """

    hosts: int
    seed: str
    fractions: tuple[float, float, float]
    sizes: tuple[int, int, int]
    failing: tuple[int, int, int]
    minimum: int
    speed: float

    @property
    def release_seed(self) -> str:
        """Of the release: decides which host is in which wave."""
        return _RELEASE_SEED

    @property
    def share(self) -> Share:
        """Who fails."""
        return Share(Behaviour.FAILS_HEALTH, FAILURES, BAD)


def choose(hosts: int) -> Scenario:
    """A scenario for so many hosts.

    Raises:
        TidegateError: CONFIG_VALUE, there are too few for three waves and a share of failures.
    """
    canary = max(0.01, 4 / hosts)
    fractions = (canary, max(0.1, 40 / hosts), 1.0)
    names = [host_name(_kind("any"), number) for number in range(hosts)]
    waves = [_wave(name, fractions) for name in names]
    sizes = (waves.count(0), waves.count(1), waves.count(2))
    minimum = max(10, 2 * sizes[0])
    for attempt in range(_SEEDS):
        seed = f"fleet-{attempt}"
        share = Share(Behaviour.FAILS_HEALTH, FAILURES, BAD)
        bad = [wave for name, wave in zip(names, waves, strict=True) if drawn(share, seed, name)]
        failing = (bad.count(0), bad.count(1), bad.count(2))
        if _tells(sizes, failing, minimum):
            return Scenario(hosts, seed, fractions, sizes, failing, minimum, _speed(hosts))
    reason = f"{hosts} hosts are too few for three waves of which the second fails; take {FEWEST} or more"
    raise TidegateError(Code.CONFIG_VALUE, reason)


def _kind(seed: str) -> Kind:
    return Kind(Installed(image_of("1.0")), seed=seed)


def _wave(name: str, fractions: tuple[float, ...]) -> int:
    place = cohort(_RELEASE_SEED, name)
    return next(number for number, fraction in enumerate(fractions) if place < fraction)


def _tells(sizes: tuple[int, ...], failing: tuple[int, ...], minimum: int) -> bool:
    """Whether the canaries pass and the second wave does not, and clearly."""
    canary_well = 0 < sizes[0] < minimum and failing[0] <= 0.06 * sizes[0]
    early_not = sizes[1] >= minimum and failing[1] >= _SURE * sizes[1] and failing[1] > 0
    return canary_well and early_not


def _speed(hosts: int) -> float:
    # A median host takes two minutes and a half. A large fleet has to leave the brokers time.
    return 80.0 if hosts <= _FAST else 15.0
