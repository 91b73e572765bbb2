"""Two collectors of one name throw each other out: the log says so, also where the broker does not."""

from __future__ import annotations

import pytest

from tidegate_fleet.collector.losses import STABLE_S, Losses
from tidegate_schemas.codes import Code
from tidegate_wire.mqtt.failures import BusError, DisplacedError

CLOSED = BusError(Code.BUS_UNREACHABLE, "it was closed")


def test_who_is_displaced_is_told_of_the_other_and_of_the_option() -> None:
    said = Losses("vm").words(DisplacedError(Code.BUS_REFUSED, "taken over"), 1.0)
    assert "Another collector is named vm" in said
    assert "--name" in said


def test_a_broker_that_closes_again_and_again_and_says_nothing_is_told_of_likewise() -> None:
    losses = Losses("vm")
    assert losses.words(CLOSED, 3.0) == "it was closed"
    assert "named vm" in losses.words(CLOSED, 0.5)


@pytest.mark.parametrize("lived_s", [0.0, STABLE_S])
def test_a_broker_that_is_away_or_a_connection_that_held_is_no_sign_of_it(lived_s: float) -> None:
    losses = Losses("vm")
    losses.words(CLOSED, 3.0)
    assert losses.words(CLOSED, lived_s) == "it was closed"
    assert losses.words(CLOSED, 3.0) == "it was closed"
