"""How a run ends before its end, and how the same command goes on afterwards, with or without its id."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.rollouts import Stage, a_fleet, a_gated_release
from tidegate_publisher.operations import Operation
from tidegate_publisher.output import Output
from tidegate_publisher.rollout.decisions import Finished, Outcome, Wait
from tidegate_publisher.rollout.farewell import end_rows
from tidegate_publisher.rollout.prompts import Prompts
from tidegate_publisher.rollout.telling import Telling
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.gates import OnTimeout
from tidegate_schemas.rollout import RolloutState, Runner

if TYPE_CHECKING:
    from tidegate_publisher.rollout.plan import Plan

HOUR = timedelta(hours=1)
PROMPTS = Prompts("os/stable", "run-1", ("--key", "release.key"), ("rollout", "run", "release.yaml"))
AGAIN = "tidegate rollout run release.yaml --run-id run-1"


def finished(stage: Stage, plan: Plan | None = None, **how: Any) -> Finished:
    found = stage.run(plan, **how)
    assert found is not None
    return found


def told(stage: Stage, **how: Any) -> tuple[Finished, dict[str, str]]:
    """The end of a run, and what a person is told of it."""
    plan = stage.plan()
    telling = Telling(plan, Output(quiet=True))
    stage.teller = telling  # type: ignore[assignment]
    end = finished(stage, plan, **how)
    return end, dict(end_rows(end, telling.story, PROMPTS))


def runner(stage: Stage) -> Runner:
    found = stage.stands().predicate.rollout.runner
    assert found is not None
    return found


def test_who_is_told_to_end_gives_its_claim_back_and_leaves_open_what_is() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    end, rows = told(stage, interrupted_after=10)
    assert end.outcome is Outcome.INTERRUPTED
    assert (runner(stage).until, runner(stage).ended) == (None, "interrupted")
    assert stage.stands().predicate.rollout.state is RolloutState.ACTIVE
    assert rows["release"] == "active; wave canary open"
    assert AGAIN in rows["what to do"]
    assert "tidegate hold os/stable --key release.key" in rows["what to do"]


def test_another_run_goes_on_at_once_after_one_that_was_told_to_end() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    finished(stage, interrupted_after=30)
    assert finished(stage, stage.plan("run-2")).outcome is Outcome.DONE


def test_who_is_told_to_end_before_it_has_begun_changes_nothing() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    assert finished(stage, interrupted_after=0).outcome is Outcome.INTERRUPTED
    assert stage.park.announced == []


def test_who_is_told_to_end_as_it_announces_gives_back_what_came_through() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    publish = stage.park.store.publish

    def interrupt(product: str, channel: str, bundle: bytes) -> None:
        stage.park.store.publish = publish  # type: ignore[method-assign]
        publish(product, channel, bundle)
        raise KeyboardInterrupt

    stage.park.store.publish = interrupt  # type: ignore[method-assign]
    assert finished(stage).outcome is Outcome.INTERRUPTED
    assert (runner(stage).until, runner(stage).ended) == (None, "interrupted")


def test_who_is_told_to_end_leaves_anothers_claim_alone() -> None:
    stage = Stage(a_gated_release(gate={"soak": HOUR}), a_fleet(5))
    assert stage.run(stage.plan("run-2"), killed_after=20) is None
    before = stage.stands()
    assert finished(stage, interrupted_after=0).outcome is Outcome.INTERRUPTED
    assert stage.stands() == before


def test_without_a_broker_the_claim_stays_and_that_is_told() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    stage.park.in_s(20, lambda: setattr(stage.park, "up", False))
    stage.park.in_s(21, lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(TidegateError) as caught:
        stage.run()
    assert caught.value.code is Code.BUS_UNREACHABLE


def test_a_hold_that_crosses_the_farewell_is_not_lost() -> None:
    stage = Stage(a_gated_release(gate={"soak": HOUR}), a_fleet(10))
    stage.park.in_s(100, lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    stage.park.in_s(
        99, lambda: setattr(stage.park.store, "before_publish", lambda: stage.operate(Operation.HOLD))
    )
    assert finished(stage).outcome is Outcome.HELD
    assert stage.stands().predicate.rollout.state is RolloutState.HELD


def test_after_an_operators_hold_and_a_resume_any_run_goes_on() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    stage.park.in_s(70, lambda: stage.operate(Operation.HOLD))
    end, rows = told(stage)
    assert end.outcome is Outcome.HELD
    sequence = stage.stands().predicate.sequence
    assert f"tidegate resume os/stable --expect-sequence {sequence} --key release.key" in rows["what to do"]
    assert AGAIN in rows["what to do"]
    assert rows["release"] == "held: no host begins"
    stage.operate(Operation.RESUME)
    assert finished(stage, stage.plan("run-2")).outcome is Outcome.DONE


def test_who_held_it_and_when_is_told() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    stage.park.in_s(70, lambda: stage.operate(Operation.HOLD))
    end = finished(stage)
    said = stage.stands().predicate
    when = said.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert f"sequence {said.sequence} says so, signed at {when} by " in end.reason
    assert not end.reason.endswith("by ")


def test_a_release_that_was_held_after_its_run_was_told_to_end_is_held_and_not_interrupted() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    finished(stage, interrupted_after=30)
    stage.operate(Operation.HOLD)
    assert finished(stage).outcome is Outcome.HELD


def test_another_process_of_the_same_run_is_called_that() -> None:
    stage = Stage(a_gated_release(gate={"soak": HOUR}), a_fleet(5))
    stage.park.in_s(120, lambda: stage.run(killed_after=10))
    end = finished(stage)
    assert end.outcome is Outcome.OVERTAKEN
    assert end.reason == "another process of this run (run-1) leads the release now"


@pytest.mark.parametrize(
    ("on_timeout", "release", "first"),
    [
        (OnTimeout.HOLD, "held: no host begins", "tidegate resume os/stable --expect-sequence "),
        (OnTimeout.STOP, "active; wave canary open", AGAIN),
    ],
)
def test_a_wave_that_took_too_long_is_late_and_what_the_release_is_now_is_told(
    on_timeout: OnTimeout, release: str, first: str
) -> None:
    gate = {"on_timeout": on_timeout, "timeout": HOUR}
    end, rows = told(Stage(a_gated_release(gate=gate), a_fleet(5, takes_s=7200)))
    assert end.outcome is Outcome.TIMED_OUT
    assert rows["wave canary"] == "late: 1 hosts: 0 succeeded, 0 failed, 1 activating; of these 1 silent"
    assert rows["release"] == release
    commands = [line for line in rows["what to do"].splitlines() if line.startswith("tidegate ")]
    assert commands[0].startswith(first)
    assert commands[-1] == AGAIN


def test_a_wave_that_cannot_be_met_any_more_says_so_and_until_when_it_is_waited_for() -> None:
    stage = Stage(a_gated_release(gate={"timeout": HOUR}), a_fleet(10, canaries=7))
    for host in stage.hosts[:2]:
        host.way = "ill"
    stage.run()
    waits = [one.reason for one in stage.teller.decisions if isinstance(one, Wait)]
    assert waits[-1] == (
        "5 of 7 hosts have succeeded, 7 are needed; 2 failed; the hosts that are left cannot meet it: a "
        "retry by hand, or hosts that come, may; its time ends at 2026-03-02T13:00:03Z"
    )
    assert "cannot meet it" not in waits[0]


def test_a_run_that_is_refused_names_no_id_to_go_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    assert stage.run(killed_after=20) is None
    plan = stage.plan("run-2")
    stage.teller = Telling(plan, Output())  # type: ignore[assignment]
    assert finished(stage, plan).outcome is Outcome.CLAIMED
    assert "run-2" not in capsys.readouterr().err
    plan = stage.plan("run-3", take_over=True)
    stage.teller = Telling(plan, Output())  # type: ignore[assignment]
    assert finished(stage, plan).outcome is Outcome.DONE
    shown = capsys.readouterr().err
    assert shown.count("--run-id run-3 goes on with it") == 1
    assert "announced as sequence" in shown.splitlines()[-1]
    assert shown.splitlines()[-1].endswith(": the claim is given back")


def test_a_refused_run_is_told_how_to_go_on_as_the_one_that_leads() -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    assert stage.run(stage.plan("ci-77"), killed_after=20) is None
    end, rows = told(stage)
    assert end.outcome is Outcome.CLAIMED
    assert "tidegate rollout run release.yaml --run-id ci-77" in rows["what to do"]
