"""What a statement says, in rows for people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.statements import NOON, a_statement
from tidegate_publisher.report import statement_rows
from tidegate_schemas.rollout import Rollout, Wave


@pytest.mark.parametrize(
    ("later", "shown"),
    [
        (timedelta(seconds=2), "(in 14d)"),
        (timedelta(seconds=-2), "(in 14d)"),
        (timedelta(minutes=2), "(in 13d23h)"),
        (timedelta(days=14, seconds=-90), "(in 1m30s)"),
        (timedelta(days=15), "(1d ago: EXPIRED)"),
    ],
)
def test_how_long_a_statement_lasts(later: timedelta, shown: str) -> None:
    assert dict(statement_rows(a_statement(), NOON + later))["expires"].endswith(shown)


def test_waves_are_shares_of_the_fleet() -> None:
    waves = (
        Wave(name="canary", labels={"ring": "canary"}, open=True),
        Wave(name="tenth", fraction=0.1),
        Wave(name="everybody"),
    )
    said = a_statement(rollout=Rollout(seed="seed", waves=waves))
    assert dict(statement_rows(said, NOON))["waves"].split("\n") == [
        "canary: all hosts, ring=canary, open",
        "tenth: 10 % of hosts, closed",
        "everybody: all hosts, closed",
    ]
