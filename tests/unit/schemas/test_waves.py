"""The rules of waves, for all rollouts: who may start still may, shares are even, releases independent."""

from __future__ import annotations

import itertools
import math
from datetime import timedelta
from statistics import correlation
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.statements import NOON, a_statement
from tidegate_agent.admission import HostFacts, target_of
from tidegate_agent.manners import Manners, Situation, assess
from tidegate_agent.update.states import WaitFor
from tidegate_agent.windows import Schedule
from tidegate_schemas.rollout import Rollout, Wave, cohort, may_start, wave_of

if TYPE_CHECKING:
    from collections.abc import Mapping

FLEET = tuple(f"edge-{number}" for number in range(20_000))
SEEDS = ("2026.03", "2026.04", "r-1", "Frühling", "0")
KEYS, VALUES = st.sampled_from(("site", "ring", "Site")), st.sampled_from(("kiel", "lab", "early"))
LABELS = st.dictionaries(KEYS, VALUES, max_size=3)
HOSTS = st.integers(0, 10_000).map("edge-{}".format)
FRACTIONS = st.floats(0.001, 1)
WAVES = st.builds(
    Wave,
    name=st.just("w"),
    fraction=FRACTIONS,
    labels=LABELS | st.just({}),
    open=st.booleans(),
    opens_at=st.none() | st.integers(-2, 2).map(lambda hours: NOON + timedelta(hours=hours)),
)


@st.composite
def rollouts(draw: st.DrawFn) -> Rollout:
    waves = draw(st.lists(WAVES, min_size=1, max_size=5))
    named = tuple(wave.model_copy(update={"name": f"w{n}"}) for n, wave in enumerate(waves))
    return Rollout(seed=draw(st.sampled_from(SEEDS)), waves=named)


def changed(rollout: Rollout, index: int, **changes: object) -> Rollout:
    """The same with another wave in one place."""
    waves = [wave.model_copy(update=changes) if n == index else wave for n, wave in enumerate(rollout.waves)]
    return rollout.model_copy(update={"waves": tuple(waves)})


@given(rollouts(), HOSTS, LABELS, st.data())
def test_opening_a_wave_takes_nobody_out(
    rollout: Rollout, host: str, labels: Mapping[str, str], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(rollout.waves) - 1))
    if may_start(rollout, host, labels, NOON):
        assert may_start(changed(rollout, index, open=True), host, labels, NOON)


@given(rollouts(), HOSTS, LABELS, FRACTIONS, st.data())
def test_a_larger_share_of_an_open_wave_takes_nobody_out(
    rollout: Rollout, host: str, labels: Mapping[str, str], fraction: float, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(rollout.waves) - 1))
    opened = changed(rollout, index, open=True)
    larger = changed(opened, index, fraction=max(fraction, opened.waves[index].fraction))
    if may_start(opened, host, labels, NOON):
        assert may_start(larger, host, labels, NOON)


@given(rollouts(), HOSTS, LABELS, FRACTIONS, st.data())
def test_a_larger_share_of_any_wave_leaves_nobody_without_one(
    rollout: Rollout, host: str, labels: Mapping[str, str], fraction: float, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(rollout.waves) - 1))
    larger = changed(rollout, index, fraction=max(fraction, rollout.waves[index].fraction))
    before, after = wave_of(rollout, host, labels), wave_of(larger, host, labels)
    assert (before is None) or (after is not None and after.name <= before.name)


def test_a_larger_share_of_a_closed_wave_takes_hosts_out_of_an_open_one_behind_it() -> None:
    """What docs/protocol.md warns of: open a wave before it is made larger."""
    place = cohort("s", "edge-1")
    rollout = Rollout(seed="s", waves=(Wave(name="closed", fraction=place), Wave(name="rest", open=True)))
    assert may_start(rollout, "edge-1", {}, NOON)
    assert not may_start(changed(rollout, 0, fraction=1.0), "edge-1", {}, NOON)


@given(rollouts(), HOSTS, LABELS, st.integers(0, 5000))
def test_as_time_goes_by_nobody_is_taken_out(
    rollout: Rollout, host: str, labels: Mapping[str, str], minutes: int
) -> None:
    if may_start(rollout, host, labels, NOON):
        assert may_start(rollout, host, labels, NOON + timedelta(minutes=minutes))


@given(rollouts(), HOSTS, LABELS)
def test_the_order_of_labels_makes_no_difference(
    rollout: Rollout, host: str, labels: Mapping[str, str]
) -> None:
    turned = dict(reversed(list(labels.items())))
    waves = [
        wave.model_copy(update={"labels": dict(reversed(wave.labels.items()))}) for wave in rollout.waves
    ]
    found = wave_of(rollout.model_copy(update={"waves": tuple(waves)}), host, turned)
    expected = wave_of(rollout, host, labels)
    assert (found and found.name) == (expected and expected.name)


@given(rollouts() | st.just(Rollout(seed="s")), HOSTS, LABELS)
def test_a_host_decides_as_everybody_reckons(rollout: Rollout, host: str, labels: dict[str, str]) -> None:
    target = target_of(a_statement(rollout=rollout))
    situation, facts = Situation(NOON, accepted=1), HostFacts(host, "amd64", labels)
    wait = assess(target, facts, Manners(Schedule()), situation, to_activate=False)
    assert (wait is None) is may_start(rollout, host, labels, NOON)
    assert wait is None or wait.reason is WaitFor.WAVE


@pytest.mark.parametrize("seed", SEEDS)
def test_places_are_uniform(seed: str) -> None:
    """Kolmogorov and Smirnov: the largest distance to the uniform distribution."""
    places = sorted(cohort(seed, host) for host in FLEET)
    count = len(places)
    distance = max(max((n + 1) / count - place, place - n / count) for n, place in enumerate(places))
    # 1.95 / sqrt(n) is passed by one seed in a thousand.
    assert distance < 1.95 / math.sqrt(count)


@pytest.mark.parametrize(("one", "other"), list(itertools.pairwise(SEEDS)))
def test_a_place_in_one_release_tells_nothing_of_that_in_another(one: str, other: str) -> None:
    places = [cohort(one, host) for host in FLEET]
    # The standard deviation of the correlation of independent values is 1 / sqrt(n).
    assert abs(correlation(places, [cohort(other, host) for host in FLEET])) < 4 / math.sqrt(len(FLEET))


def test_hosts_of_neighbouring_names_are_not_neighbours() -> None:
    places = [cohort("s", host) for host in FLEET]
    assert abs(correlation(places[:-1], places[1:])) < 4 / math.sqrt(len(FLEET))
