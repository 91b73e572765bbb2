from __future__ import annotations

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.properties import SLOW_MACHINES
from tidegate_fleet.report.spread import POINTS, curve, quantiles, rank

# A busy machine is slow at making examples, and that is no fault of theirs.
ROOM = settings(SLOW_MACHINES, suppress_health_check=[HealthCheck.too_slow])
MOMENTS = st.lists(st.floats(0, 1e7), max_size=300).map(sorted)


def test_quantiles_are_values_of_hosts_by_nearest_rank() -> None:
    found = quantiles([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0])
    assert found is not None
    assert (found.least, found.q25, found.median, found.q75, found.q90) == (10, 30, 50, 80, 90)
    assert (found.q99, found.most, found.count) == (100, 100, 10)


def test_nothing_has_no_quantiles() -> None:
    assert quantiles([]) is None
    assert curve([]).points == ()
    assert curve([]).hosts == 0


def test_the_rank_of_one_value_is_that_value() -> None:
    assert rank([7.0], 0.01) == 7.0
    assert rank([7.0], 1.0) == 7.0


def test_hosts_at_one_moment_are_one_step() -> None:
    assert curve([1.0, 1.0, 1.0, 4.0]).points == ((1.0, 3), (4.0, 4))


def test_a_long_curve_is_thinned_evenly_and_keeps_both_ends() -> None:
    found = curve([float(each) for each in range(100_000)]).points
    assert len(found) == POINTS
    assert found[0] == (0.0, 1)
    assert found[-1] == (99_999.0, 100_000)
    steps = [after[1] - before[1] for before, after in itertools.pairwise(found)]
    assert max(steps) <= 101


@ROOM
@given(MOMENTS, st.integers(2, 50))
def test_a_curve_rises_and_ends_at_the_number_of_hosts(moments: list[float], most: int) -> None:
    found = curve(moments, most)
    assert len(found.points) <= most
    assert found.hosts == len(moments)
    for (before, fewer), (after, more) in itertools.pairwise(found.points):
        assert before < after
        assert fewer < more


@ROOM
@given(MOMENTS, st.integers(2, 50))
def test_no_point_counts_hosts_before_their_moment(moments: list[float], most: int) -> None:
    for moment, hosts in curve(moments, most).points:
        assert sum(each < moment for each in moments) < hosts <= sum(each <= moment for each in moments)


@ROOM
@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=300).map(sorted), st.floats(0.001, 1))
def test_at_least_the_share_is_within_a_rank_and_less_before(values: list[float], share: float) -> None:
    found = rank(values, share)
    assert found in values
    assert sum(each <= found for each in values) >= share * len(values) - 1e-6
    assert sum(each < found for each in values) < share * len(values) + 1e-6
