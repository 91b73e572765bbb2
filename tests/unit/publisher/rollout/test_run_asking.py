"""What a run asks of a person is in the statement, as long as it is asked for."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.support.rollouts import Stage, a_fleet, a_gated_release
from tests.support.statements import NOON
from tidegate_fleet.leading import asked
from tidegate_publisher.operations import Operation
from tidegate_publisher.output import Output
from tidegate_publisher.rollout.decisions import Outcome
from tidegate_publisher.rollout.prompts import Prompts
from tidegate_publisher.rollout.telling import Telling

if TYPE_CHECKING:
    import pytest

    from tidegate_schemas.statement import ChannelStatement

HOUR = timedelta(hours=1)
GATED = ({"name": "canary", "labels": {"ring": "canary"}}, {"name": "rest", "gate": {"approval": True}})


def asks(stage: Stage) -> list[tuple[int, str | None]]:
    """What each statement asks for, without repetitions, with its sequence."""
    found: list[tuple[int, str | None]] = []
    for statement in stage.park.announced:
        wanted = asked(statement.predicate.rollout, statement.predicate.issued_at)
        name = None if wanted is None else wanted.wave
        if not found or found[-1][1] != name:
            found.append((statement.predicate.sequence, name))
    return found


def since(statement: ChannelStatement) -> datetime | None:
    runner = statement.predicate.rollout.runner
    return None if runner is None else runner.asked_at


def test_what_is_asked_for_is_signed_until_it_is_given() -> None:
    stage = Stage(a_gated_release(GATED), a_fleet(5))
    stage.park.in_s(600, lambda: stage.approve("rest"))
    end = stage.run()
    assert end is not None
    assert end.outcome is Outcome.DONE
    # Announced, soaked, asked, approved, opened, soaked, given back.
    assert asks(stage) == [(1, None), (3, "rest"), (4, None)]
    asking = stage.park.announced[2]
    moment = since(asking)
    assert moment is not None
    assert asking.predicate.issued_at - moment < timedelta(seconds=1)
    assert since(stage.stands()) is None
    assert len(stage.park.announced) == 7


def test_a_first_wave_is_asked_for_with_the_announcement() -> None:
    stage = Stage(a_gated_release(({"name": "all", "gate": {"approval": True}},)), a_fleet(5))
    stage.park.in_s(600, lambda: stage.approve("all"))
    end = stage.run()
    assert end is not None
    assert end.outcome is Outcome.DONE
    assert asks(stage) == [(1, "all"), (2, None)]


def test_a_run_that_goes_on_asks_still_and_not_anew() -> None:
    stage = Stage(a_gated_release(GATED), a_fleet(5))
    assert stage.run(killed_after=60) is None
    before = since(stage.stands())
    stage.clock.advance(HOUR)
    assert stage.run(killed_after=20) is None
    assert before is not None
    assert since(stage.stands()) == before


def test_nothing_is_asked_for_while_the_wave_before_is_waited_for_again() -> None:
    stage = Stage(a_gated_release(GATED, gate={"soak": timedelta(0)}), a_fleet(12, canaries=6))
    for host in stage.hosts[1:6]:
        host.online = False
        stage.park.in_s(1800, lambda host=host: stage.park.connect(host, online=True))  # type: ignore[misc]
    stage.park.in_s(3600, lambda: stage.approve("rest"))
    end = stage.run()
    assert end is not None
    assert end.outcome is Outcome.DONE
    assert [name for _, name in asks(stage)] == [None, "rest", None, "rest", None]


def test_a_run_that_ends_asks_for_nothing() -> None:
    stage = Stage(a_gated_release(GATED, rollout={"timeout": HOUR}), a_fleet(5))
    end = stage.run()
    assert end is not None
    assert end.outcome is Outcome.TIMED_OUT
    runner = stage.stands().predicate.rollout.runner
    assert runner is not None
    assert (runner.asks, runner.asked_at) == (None, None)


def test_the_command_is_told_anew_at_each_new_sequence(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(a_gated_release(GATED), a_fleet(5))
    stage.park.in_s(1800, lambda: stage.operate(Operation.HEARTBEAT))
    plan = stage.plan()
    prompts = Prompts("os/stable", "run-1", ("--broker", "mqtts://b", "--signers", "our signers.toml"))
    stage.teller = Telling(plan, Output(as_json=True), prompts)  # type: ignore[assignment]
    assert stage.run(plan, killed_after=600) is None
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    options = "--broker mqtts://b --signers 'our signers.toml'"
    told = [line["command"] for line in lines if line["decision"] == "ask-approval"]
    assert told == [
        f"tidegate rollout approve os/stable rest --expect-sequence {sequence} {options}"
        for sequence in told_at(lines)
    ]
    assert told_at(lines)[:2] == [3, 4]
    assert len(told) == len(set(told))


def told_at(lines: list[dict[str, object]]) -> list[object]:
    return [line["sequence"] for line in lines if line["decision"] == "ask-approval"]


def test_the_command_is_bright_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stage = Stage(a_gated_release(GATED), a_fleet(5))
    plan = stage.plan()
    stage.teller = Telling(plan, Output())  # type: ignore[assignment]
    assert stage.run(plan, killed_after=60) is None
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "rollout approve" in line]
    assert line.strip() == "tidegate rollout approve os/stable rest --expect-sequence 3"


def test_an_approval_is_asked_for_anew_when_the_wave_before_is_lost() -> None:
    later = {"name": "everybody", "opens_at": NOON + timedelta(hours=3), "gate": {"approval": True}}
    stage = Stage(
        a_gated_release([{"name": "canary", "labels": {"ring": "canary"}}, later]), a_fleet(8, canaries=2)
    )
    asked: list[int] = []

    def all_are(*, online: bool) -> None:
        for host in stage.hosts[:2]:
            stage.park.connect(host, online=online)

    def look(statement: ChannelStatement) -> None:
        runner = statement.predicate.rollout.runner
        if runner is None or not runner.asks or runner.approved:
            return
        asked.append(statement.predicate.sequence)
        stage.park.in_s(30, lambda: stage.approve("everybody"))
        if len(asked) == 1:
            stage.park.in_s(3600, lambda: all_are(online=False))
            stage.park.in_s(7200, lambda: all_are(online=True))

    stage.park.watch = look
    end = stage.run()
    assert end is not None
    assert (end.outcome, len(asked)) == (Outcome.DONE, 2)
