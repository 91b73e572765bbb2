"""When a gate is met, lost and met again; what takes too long; and who is admitted when waves overlap."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.publisher import fake_bundle
from tests.fakes.rollout import OS_STABLE
from tests.support.rollouts import WAVES, Stage, a_fleet, a_gated_release
from tests.support.statements import NOON, a_statement
from tidegate_publisher.operations import Operation
from tidegate_publisher.rollout.decisions import Finished, Outcome
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.gates import OnTimeout
from tidegate_schemas.release import Release
from tidegate_schemas.rollout import Rollout, RolloutState, Wave, cohort

if TYPE_CHECKING:
    from tests.fakes.rollout import SimHost

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SILENCE = {"after": 20 * MINUTE, "count": 1}


def run(stage: Stage, *args: Any) -> Finished:
    end = stage.run(*args)
    assert end is not None
    return end


def opened_at(stage: Stage, place: int) -> timedelta:
    first = next(one for one in stage.park.announced if one.predicate.rollout.waves[place].open)
    return first.predicate.issued_at - NOON


def with_gate(gate: dict[str, Any]) -> Release:
    content = {"product": "os", "channel": "stable", "image": "registry.example/os:1.2", "version": "1.2"}
    return Release.model_validate({**content, "gate": gate, "rollout": {"seed": "a-seed", "waves": WAVES}})


@pytest.mark.parametrize(
    ("gate", "canaries", "outcome"),
    [
        ({}, 20, Outcome.FAILED),
        ({"soak": 10 * MINUTE}, 20, Outcome.FAILED),
        ({"success": "100%", "failures": {"count": 1}, "silence": SILENCE}, 1, Outcome.TIMED_OUT),
        ({"failures": {"count": 1}, "dropouts": {"after": 20 * MINUTE, "count": 1}}, 1, Outcome.FAILED),
    ],
)
def test_canaries_that_die_after_they_succeeded_let_nobody_through(
    gate: dict[str, Any], canaries: int, outcome: Outcome
) -> None:
    stage = Stage(with_gate(gate), a_fleet(30, canaries=canaries))
    for host in stage.hosts[:canaries]:
        stage.park.at(NOON + 3 * MINUTE, lambda host=host: stage.park.connect(host, online=False))  # type: ignore[misc]
    assert run(stage).outcome is outcome
    assert not any(one.predicate.rollout.waves[1].open for one in stage.park.announced)


def test_where_hosts_are_switched_off_at_night_those_that_succeeded_count() -> None:
    stage = Stage(with_gate({"dropouts": {"share": 1.0}, "soak": HOUR}), a_fleet(30, canaries=20))
    for host in stage.hosts[:20]:
        stage.park.at(NOON + 3 * MINUTE, lambda host=host: stage.park.connect(host, online=False))  # type: ignore[misc]
    assert run(stage).outcome is Outcome.DONE


def test_a_gate_that_was_lost_soaks_a_second_time() -> None:
    waves = ({"name": "canary", "labels": {"ring": "canary"}, "gate": {"soak": HOUR}}, {"name": "everybody"})
    stage = Stage(a_gated_release(waves), a_fleet(30, canaries=20))
    for host in stage.hosts[1:20]:
        host.online, host.takes_s = False, 20 * 60
        stage.park.in_s(35 * 60, lambda host=host: stage.park.connect(host, online=True))  # type: ignore[misc]
    assert run(stage).outcome is Outcome.DONE
    assert opened_at(stage, 1) >= timedelta(hours=1, minutes=55)


def test_a_clock_that_is_set_ahead_ends_no_soak() -> None:
    stage = Stage(a_gated_release(gate={"soak": HOUR}), a_fleet(9))
    stage.park.at(NOON + 3 * MINUTE, lambda: stage.clock.set(stage.clock.now() + HOUR))
    assert run(stage, stage.plan(until="canary")).outcome is Outcome.DONE
    assert stage.clock.elapsed() > HOUR


def test_a_wave_that_was_met_has_all_its_time_again_when_a_host_comes() -> None:
    gate = {"success": 1.0, "timeout": 24 * HOUR}
    waves = (
        {"name": "canary", "labels": {"ring": "canary"}, "gate": gate},
        {"name": "everybody", "gate": {"approval": True}},
    )
    stage = Stage(a_gated_release(waves), a_fleet(30, canaries=3))
    stage.hosts[2].online = False
    stage.park.in_s(40 * 3600, lambda: stage.park.connect(stage.hosts[2], online=True))
    stage.park.in_s(40 * 3600 + 600, lambda: stage.approve("everybody"))
    assert run(stage).outcome is Outcome.DONE


def test_time_on_hold_is_not_the_waves() -> None:
    stage = Stage(a_gated_release(gate={"timeout": 24 * HOUR}), a_fleet(5, takes_s=600))
    stage.hosts[0].online = False
    stage.park.in_s(120, lambda: stage.operate(Operation.HOLD))
    assert run(stage).outcome is Outcome.HELD
    stage.clock.advance(25 * HOUR)
    stage.operate(Operation.RESUME)
    stage.park.in_s(60, lambda: stage.park.connect(stage.hosts[0], online=True))
    assert run(stage).outcome is Outcome.DONE


@pytest.mark.parametrize("on_timeout", OnTimeout)
@pytest.mark.parametrize("rollout", [{}, {"timeout": HOUR}])
def test_a_run_that_timed_out_may_be_repeated(on_timeout: OnTimeout, rollout: dict[str, Any]) -> None:
    gate = {"on_timeout": on_timeout, "timeout": HOUR}
    stage = Stage(a_gated_release(gate=gate, rollout=rollout), a_fleet(5))
    stage.hosts[0].online = False
    for _ in range(2):
        began = stage.clock.now()
        assert run(stage).outcome is Outcome.TIMED_OUT
        assert stage.clock.now() - began >= HOUR
        if on_timeout is OnTimeout.HOLD:
            stage.operate(Operation.RESUME)
    stage.park.in_s(60, lambda: stage.park.connect(stage.hosts[0], online=True))
    assert run(stage).outcome is Outcome.DONE


def test_a_wave_whose_budget_never_has_room_times_out() -> None:
    rest = {"name": "everybody", "gate": {"budget": ({"at_most": 1},), "timeout": 2 * HOUR}}
    waves = ({"name": "canary", "labels": {"ring": "canary"}, "gate": {"success": 0.9}}, rest)
    stage = Stage(a_gated_release(waves), a_fleet(40, canaries=10))
    # It is online, and waits: for a window, for a person.
    stage.park.ignores.add(stage.hosts[0].name)
    end = run(stage)
    assert (end.outcome, "its budget is used up" in end.reason) == (Outcome.TIMED_OUT, True)
    assert 2 * HOUR < stage.clock.now() - NOON < 3 * HOUR


HALF: tuple[dict[str, Any], ...] = (
    {"name": "canary", "labels": {"ring": "canary"}},
    {"name": "half", "fraction": 0.5, "gate": {"budget": ({"at_most": 2},)}},
    {"name": "all"},
)


def of_half(stage: Stage) -> list[SimHost]:
    return [one for one in stage.hosts[1:] if cohort("a-seed", one.name) < 0.5]


@pytest.mark.parametrize("seconds", [30, 400])
def test_no_budget_is_overdrawn_by_a_later_wave_that_somebody_promotes(seconds: int) -> None:
    stage = Stage(a_gated_release(HALF), a_fleet(60, takes_s=600))
    stage.hosts[0].takes_s = 60
    refused: list[Code] = []
    most: list[int] = []

    def promote() -> None:
        try:
            stage.operate(Operation.PROMOTE, "all")
        except TidegateError as error:
            refused.append(error.code)

    stage.park.in_s(seconds, promote)
    stage.park.watch = lambda _: most.append(sum(host.busy for host in of_half(stage)))
    assert run(stage).outcome is Outcome.DONE
    assert max(most) == 2
    assert refused == ([] if seconds == 30 else [Code.ROLLOUT_CLAIMED])


def test_a_later_wave_that_is_open_already_waits_for_its_turn() -> None:
    waves = (HALF[1], {"name": "all"})
    stage = Stage(a_gated_release(waves), a_fleet(60, takes_s=600))
    announced = Rollout(seed="a-seed", waves=(Wave(name="half", fraction=0.5), Wave(name="all", open=True)))
    most: list[int] = []
    stage.park.watch = lambda _: most.append(sum(host.busy for host in of_half(stage)))
    stage.park.store.publish(
        *OS_STABLE, fake_bundle(a_statement(sequence=5, version="1.2", rollout=announced).to_json())
    )
    assert run(stage).outcome is Outcome.DONE
    assert max(most) == 2
    assert stage.stands().predicate.rollout.state is RolloutState.ACTIVE
    assert all(host.step is Step.SUCCEEDED for host in stage.hosts)
