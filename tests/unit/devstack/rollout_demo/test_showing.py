"""What a person and a machine are shown of the demo."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from tests.unit.devstack.rollout_demo.test_checklist import FINISHED, SCENARIO, STOPPED
from tidegate_publisher.devstack.demo.steps import PlainSteps
from tidegate_publisher.devstack.rollout_demo.board import Board
from tidegate_publisher.devstack.rollout_demo.checklist import TEXTS, Key
from tidegate_publisher.devstack.rollout_demo.screen import Screen
from tidegate_publisher.devstack.rollout_demo.summary import Result, document, show
from tidegate_publisher.exit_codes import ExitCode


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def drawn(thing: object) -> str:
    file = io.StringIO()
    Console(file=file, width=110, color_system=None).print(thing)
    return file.getvalue()


def test_the_screen_shows_steps_waves_and_figures() -> None:
    board = Board(Clock())
    board.do("tidegate rollout run release-2.0.yaml")
    board.begin(Key.STOPPED)
    board.end(Key.PROMOTED, "", well=True)
    board.end(Key.HELD, "927 never began", well=False)
    board.see(STOPPED)
    text = drawn(Screen(board, SCENARIO))
    assert "tidegate rollout run release-2.0.yaml" in text
    assert f"✓ {TEXTS[Key.PROMOTED]}" in text
    assert f"✗ {TEXTS[Key.HELD]}" in text
    assert f"· {TEXTS[Key.EVERYWHERE]}" in text
    assert "995/1000 connected over 2 brokers" in text
    bars = {line.split()[2]: line for line in text.splitlines() if " 2.0 " in line and "/" in line}
    assert "10/10" in bars["canary"]
    assert bars["early"].count("█") == 40 * 60 // 90 + 40 * 3 // 90
    assert "0/900" in bars["everybody"]


def test_the_fastest_second_is_remembered() -> None:
    clock = Clock()
    board = Board(clock)
    for now, events in ((1.0, 100), (2.0, 900), (2.5, 5000), (4.0, 1000)):
        clock.now = now
        board.see(replace(STOPPED, events=events))
    assert board.fastest == 800


def everything(*, but: Key | None = None) -> Result:
    clock = Clock()
    board = Board(clock)
    for place, key in enumerate(Key):
        clock.now = float(place)
        if key is not but:
            board.end(key, "", well=True)
    board.see(FINISHED)
    return Result(61.2, board, restarts=1)


def test_a_run_that_showed_everything_ends_well() -> None:
    result = everything()
    told = document(result)
    assert (told["ok"], result.status) == (True, ExitCode.OK)
    assert [check["at"] for check in told["checks"]] == [float(place) for place in range(len(Key))]
    assert told["account"]["collected"] == 9000
    assert told["figures"]["jobsStartedAgain"] == 1


@pytest.mark.parametrize("key", [Key.CLUSTER, Key.ACCOUNTED])
def test_a_run_that_did_not_fails_and_says_what_is_missing(key: Key) -> None:
    result = everything(but=key)
    assert result.status is ExitCode.FAILED
    assert [check["key"] for check in document(result)["checks"] if not check["observed"]] == [key.value]
    file = io.StringIO()
    show(Console(file=file, width=110, color_system=None), result)
    assert f"{TEXTS[key]}  was not observed" in file.getvalue()
    assert f"1 of {len(Key)} were not observed" in file.getvalue()


def test_where_there_is_no_terminal_lines_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    board = Board(Clock(), (PlainSteps(),))
    board.do("start")
    board.end(Key.CLUSTER, "three", well=True)
    board.end(Key.HELD, "", well=False)
    assert capsys.readouterr().out.splitlines() == [
        "   0.0 s  > start",
        f"   0.0 s  ok     {TEXTS[Key.CLUSTER]} (three)",
        f"   0.0 s  FAILED {TEXTS[Key.HELD]}",
    ]
