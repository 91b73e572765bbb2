from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.properties import SLOW_MACHINES
from tidegate_publisher.durations import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14d", timedelta(days=14)),
        ("12h", timedelta(hours=12)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("2w", timedelta(weeks=2)),
        ("90s", timedelta(seconds=90)),
        ("P14D", timedelta(days=14)),
        ("PT36H", timedelta(hours=36)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("P2W", timedelta(weeks=2)),
    ],
)
def test_forms(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "14", "d", "P", "PT", "P1DT", "1h1d", "-1d", "1.5h", "1 d", "0s", "P1M", "P1Y", "99999d", "1D"],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|between"):
        parse_duration(text)


def test_a_number_alone_is_asked_for_its_unit() -> None:
    with pytest.raises(ValueError, match=re.escape("'10' is not a duration: 10s or 10m?")):
        parse_duration("10")
    with pytest.raises(ValueError, match=re.escape("'3' is not a duration: 3h or 3d?")):
        parse_duration("3", units="hd")


@SLOW_MACHINES
@given(st.integers(min_value=1, max_value=int(LONGEST.total_seconds())))
def test_seconds_come_back(seconds: int) -> None:
    assert parse_duration(f"{seconds}s") == timedelta(seconds=seconds)
    assert parse_duration(f"PT{seconds}S") == timedelta(seconds=seconds)


@SLOW_MACHINES
@given(st.integers(min_value=1, max_value=int(LONGEST.total_seconds())))
def test_the_short_form_can_be_read_and_is_within_its_smaller_unit(seconds: int) -> None:
    shown = parse_duration(format_duration(timedelta(seconds=seconds)))
    assert timedelta() <= timedelta(seconds=seconds) - shown < timedelta(days=1)
