"""What is written as TOML reads as the same."""

from __future__ import annotations

import tomllib
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_agent.enrolment.toml_text import to_toml

ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=-3, minutes=-30))])
SCALARS = (
    st.text()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.dates()
    | st.times()
    | st.datetimes(timezones=ZONES)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_it_reads_as_what_was_written(tree: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(tree)) == tree


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"bus": {"url": None}}, "bus.url has no value"),
        ({"a": ["\ud800"]}, "'a' is no text in Unicode"),
        ({"\ud800": 1}, "is no text in Unicode"),
        ({"a": b"x"}, "a has a value that settings cannot have"),
    ],
)
def test_what_toml_cannot_say(tree: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        to_toml(tree)
