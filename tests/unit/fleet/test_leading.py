"""What a statement says of the run that leads it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.statements import NOON, a_statement, digest_of
from tidegate_fleet.leading import (
    Asked,
    approval_command,
    asked,
    how_far,
    in_full,
    leader,
    waits_for_budget,
)
from tidegate_schemas.rollout import Rollout, RolloutState, Runner, Wave, wave_at

LATER = NOON + timedelta(hours=1)
ASKS: Final[dict[str, Any]] = {"asks": "rest", "asked_at": NOON}


def led(waves: tuple[Wave, ...] | None = None, **said: Any) -> Rollout:
    runner: dict[str, Any] = {
        "id": "ci-77",
        "process": "p",
        "until": LATER,
        "began_at": NOON,
        "wave": "canary",
        **said,
    }
    both = (Wave(name="canary", fraction=0.1, open=True), Wave(name="rest"))
    return Rollout(seed="s", waves=both if waves is None else waves, runner=Runner(**runner))


def stopped(rollout: Rollout) -> Rollout:
    return rollout.model_copy(update={"state": RolloutState.HELD})


def test_a_run_leads_while_its_claim_lasts_and_the_release_is_active() -> None:
    runner = leader(led(), NOON)
    assert runner is not None
    assert runner.id == "ci-77"
    assert leader(led(), LATER) is None
    assert leader(led(until=None, ended="done"), NOON) is None
    assert leader(stopped(led()), NOON) is None
    assert leader(Rollout(seed="s"), NOON) is None


def test_what_is_asked_for_is_told_until_it_is_given() -> None:
    assert asked(led(**ASKS), LATER) == Asked("rest", NOON)
    assert asked(led(), NOON) is None
    assert asked(led(**ASKS, approved=("rest",)), NOON) is None
    assert asked(stopped(led(**ASKS)), NOON) is None
    assert asked(led((Wave(name="canary"), Wave(name="rest", open=True)), **ASKS), NOON) is None
    assert asked(led((Wave(name="canary"),), **ASKS), NOON) is None


def test_the_command_names_channel_wave_and_sequence() -> None:
    predicate = a_statement(sequence=44, digest=digest_of("a")).predicate
    told = approval_command(predicate, "rest")
    assert told == "tidegate rollout approve os/stable rest --expect-sequence 44"


def partly(fraction: float, whole: float, **labels: str) -> Rollout:
    waves = (
        Wave(name="canary", fraction=0.1, open=True),
        Wave(name="rest", fraction=fraction, labels=labels, open=True),
    )
    return led(waves, wave="rest", whole=whole)


@pytest.mark.parametrize(
    ("fraction", "whole", "told"),
    [(0.39, 1.0, "open for 39 %"), (0.05, 0.2, "open for 5 % of its 20 %"), (1.0, 1.0, "open")],
)
def test_a_wave_is_open_as_far_as_its_budget_allows(fraction: float, whole: float, told: str) -> None:
    rollout = partly(fraction, whole)
    assert how_far(rollout, rollout.waves[1], NOON) == told
    assert how_far(rollout, rollout.waves[0], NOON) == "open"


def test_a_wave_that_is_not_open_is_closed() -> None:
    rollout = led()
    assert how_far(rollout, rollout.waves[1], NOON) == "closed"


@given(st.floats(0, 1, exclude_max=True), st.floats(0.2, 0.8), st.sampled_from(["berlin", "lyon"]))
def test_a_host_waits_for_the_budget_if_it_is_in_the_wave_only_when_that_is_whole(
    place: float, fraction: float, site: str
) -> None:
    rollout, labels = partly(fraction, 0.9, site="berlin"), {"site": site}
    now, then = wave_at(rollout, place, labels), wave_at(in_full(rollout), place, labels)
    waits = now is None and then is not None
    assert waits_for_budget(rollout, place, labels) is waits
    assert waits is (site == "berlin" and max(0.1, fraction) <= place < 0.9)


def test_nobody_waits_for_a_budget_where_none_is_kept() -> None:
    assert in_full(led()) == led()
    assert not waits_for_budget(led(), 0.5, {})
