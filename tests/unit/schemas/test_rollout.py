"""Waves: the golden vectors of every implementation, and the rules that hold for all seeds and hosts."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate_schemas.rollout import Rollout, Wave, cohort, wave_of

GOLDEN = Path(__file__).parents[2] / "golden/cohorts.json"
VECTORS = json.loads(GOLDEN.read_text(encoding="utf-8"))["vectors"]
FLEET = tuple(f"edge-{number}" for number in range(20_000))
WORDS = st.text(min_size=1, max_size=64)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['seed'][:8]}-{vector['host'][:8]}")
def test_golden_vectors(vector: dict[str, str]) -> None:
    place = cohort(vector["seed"], vector["host"])
    assert Fraction(place) == Fraction(int(vector["numerator"]), 2**53)
    assert place == float(vector["place"])


def test_the_seed_and_the_host_are_joined_without_a_mark() -> None:
    assert cohort("a", "bc") == cohort("ab", "c")


@given(WORDS, WORDS)
def test_a_place_is_below_one(seed: str, host: str) -> None:
    assert 0 <= cohort(seed, host) < 1


@given(WORDS, WORDS, st.floats(0.001, 1), st.floats(0.001, 1))
def test_a_larger_fraction_takes_in_whom_a_smaller_one_did(seed: str, host: str, a: float, b: float) -> None:
    small, large = sorted((a, b))

    def taken(fraction: float) -> bool:
        rollout = Rollout(seed="s" + seed, waves=(Wave(name="w", fraction=fraction),))
        return wave_of(rollout, host, {}) is not None

    assert taken(large) or not taken(small)


@given(WORDS, WORDS)
def test_a_wave_of_all_takes_in_everybody(seed: str, host: str) -> None:
    rollout = Rollout(seed=seed[:60], waves=(Wave(name="all", fraction=1.0),))
    assert wave_of(rollout, host, {}) is not None


@pytest.mark.parametrize("seed", ["2026.03", "r-1", "another"])
def test_places_are_spread_evenly(seed: str) -> None:
    counts = [0] * 100
    for host in FLEET:
        counts[int(cohort(seed, host) * 100)] += 1
    expected = len(FLEET) / 100
    chi_square = sum((count - expected) ** 2 / expected for count in counts)
    # 99 degrees of freedom: mean 99, standard deviation 14; five of them above the mean.
    assert chi_square < 99 + 5 * 14.1


def test_one_release_says_nothing_of_a_hosts_place_in_the_next() -> None:
    """Of the first tenth of one seed, a tenth is in the first tenth of another."""
    first = {host for host in FLEET if cohort("one", host) < 0.1}
    both = sum(cohort("two", host) < 0.1 for host in first)
    # Binomial with n = 2000, p = 0.1: standard deviation 13.4.
    assert abs(both - len(first) / 10) < 5 * 13.5


def test_the_first_wave_that_fits_counts() -> None:
    place = cohort("seed", "edge-1")
    waves = (
        Wave(name="elsewhere", labels={"site": "kiel"}),
        Wave(name="too-small", fraction=place / 2),
        Wave(name="mine", fraction=place + (1 - place) / 2),
        Wave(name="rest"),
    )
    found = wave_of(Rollout(seed="seed", waves=waves), "edge-1", {"site": "lab"})
    assert found is not None
    assert found.name == "mine"


def test_the_edge_of_a_fraction_is_outside() -> None:
    place = cohort("seed", "edge-1")
    rollout = Rollout(seed="seed", waves=(Wave(name="w", fraction=place),))
    assert wave_of(rollout, "edge-1", {}) is None


@pytest.mark.parametrize(
    ("labels", "taken"),
    [
        ({"site": "kiel", "ring": "early"}, True),
        ({"site": "kiel", "ring": "early", "more": "x"}, True),
        ({"site": "kiel"}, False),
        ({"site": "kiel", "ring": "late"}, False),
        ({}, False),
    ],
)
def test_every_label_of_a_wave_has_to_match(labels: dict[str, str], taken: bool) -> None:  # noqa: FBT001 - a column
    rollout = Rollout(seed="s", waves=(Wave(name="w", labels={"site": "kiel", "ring": "early"}),))
    assert (wave_of(rollout, "edge-1", labels) is not None) is taken


def test_no_wave_takes_in_nobody() -> None:
    assert wave_of(Rollout(seed="s"), "edge-1", {}) is None


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.0001, float("nan"), float("inf"), True, "0.5"])
def test_fractions_that_are_none_are_refused(fraction: object) -> None:
    with pytest.raises(ValidationError):
        Wave.model_validate({"name": "w", "fraction": fraction})


def test_two_waves_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="one name"):
        Rollout(seed="s", waves=(Wave(name="w"), Wave(name="w")))
