"""What is said of measured values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.figure import Figure, percentile, ratio

VALUES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 15), (5, 15), (30, 20), (40, 20), (50, 35), (99, 50), (100, 50)]
)
def test_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([50, 15, 20, 40, 35], percent) == expected


@given(VALUES, st.floats(0, 100))
def test_percentile_is_a_value_that_enough_others_do_not_exceed(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    assert 100 * sum(each <= found for each in values) >= percent * len(values) * (1 - 1e-9)


def test_a_tail_needs_twenty_values() -> None:
    assert Figure("f", "s", tuple(range(19))).tail is None
    assert Figure("f", "s", tuple(range(200))).tail == 197


def test_json_has_the_summary_and_every_value() -> None:
    told = Figure("f", "s", (3.0, 1.0, 2.0, 10.0), "<= 4").to_dict()
    assert told == {
        "name": "f",
        "unit": "s",
        "runs": 4,
        "target": "<= 4",
        "min": 1.0,
        "median": 2.5,
        "p99": None,
        "max": 10.0,
        "values": [3.0, 1.0, 2.0, 10.0],
    }


def test_json_says_why_there_are_no_values() -> None:
    told = Figure("f", "s", missing="umoci is missing").to_dict()
    assert told == {"name": "f", "unit": "s", "runs": 0, "not_measured": "umoci is missing"}


def test_a_ratio_compares_run_by_run() -> None:
    assert ratio("f", (1.0, 9.0), (2.0, 3.0)).values == (0.5, 3.0)


def test_a_ratio_to_nothing_is_not_measured() -> None:
    assert ratio("f", (1.0,), (0.0,)).to_dict()["not_measured"] == "nothing to compare"
