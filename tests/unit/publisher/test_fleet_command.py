"""The options of `tidegate fleet`: what is taken, and what is refused before anybody is asked."""

from __future__ import annotations

from typing import Any

import click
import pytest

from tidegate_agent.update.states import Idle, Outcome, Staged, Verifying, WaitFor
from tidegate_fleet.listing.drift import Drift
from tidegate_fleet.standing import Phase
from tidegate_publisher.commands.fleet import fleet
from tidegate_publisher.options.fleet_choice import STATES, WAITS


def given(*options: str) -> dict[str, Any]:
    return fleet.make_context("fleet", list(options)).params


def refused(*options: str) -> str:
    with pytest.raises(click.UsageError) as caught:
        given(*options)
    return caught.value.format_message()


def test_failed_takes_each_way_to_fail_in() -> None:
    assert given("--state", "failed")["states"] == {"failed", "rolled-back", "rejected"}
    assert given("--state", "rolled-back")["states"] == {"rolled-back"}


def test_presence_is_asked_for_in_both_directions() -> None:
    assert [given(*one)["online"] for one in ([], ["--online"], ["--offline"])] == [None, True, False]


def test_words_are_read() -> None:
    assert given("--phase", "failed", "--phase", "skipped")["phases"] == {Phase.FAILED, Phase.SKIPPED}
    assert given("--drift", "not-meant")["drifts"] == {Drift.NOT_MEANT}
    assert given("--code", "health.failed")["codes"] == {"health.failed"}
    assert given("--label", "site=kiel=x")["labels"] == {"site": "kiel=x"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--state", "wndow"), "rolled-back"),
        (("--state", "failed,wave"), "'rolled-back'"),
        (("--phase", "done"), "'succeeded'"),
        (("--drift", "behind"), "'unheard'"),
        (("--waits-for", "wndow"), "'window'"),
        (("--sort", "state"), "'phase'"),
        (("--code", "helth.failed"), "did you mean health.failed"),
        (("--code", "x"), "`tidegate schema codes` lists them"),
        (("--label", "kiel"), "not KEY=VALUE"),
        (("--host", "a/b"), "a/b"),
    ],
)
def test_a_word_that_does_not_exist_is_refused_with_those_that_do(
    options: tuple[str, str], told: str
) -> None:
    assert told in refused(*options)


def test_what_agents_wait_for_and_are_in_can_be_asked_for() -> None:
    assert set(WAITS) == {reason.value for reason in WaitFor}
    assert {Idle().kind, *(outcome.value for outcome in Outcome)} <= set(STATES)
    assert {kind.__dataclass_fields__["kind"].default for kind in (Staged, Verifying)} <= set(STATES)
