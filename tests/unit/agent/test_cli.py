"""The command line: usage, exit codes, errors with code and remedy, JSON; with and without an agent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.config_tree import MINIMAL
from tests.support.statements import an_event
from tidegate_agent import cli
from tidegate_agent.adapters.control_unix import ControlServer
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.model import Follow
from tidegate_agent.records import Change
from tidegate_schemas.codes import REGISTRY, Code
from tidegate_schemas.events import Step, UpdateEvent
from tidegate_schemas.status import FollowStatus, HostStatus, Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

NIGHT = '[[window]]\ncron = "0 2 * * *"\nduration = "2h"\ntimezone = "UTC"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "agent.toml"
    places = f'[state]\ndirectory = "{tmp_path}/state"\nruntime_directory = "{tmp_path}/run"\n'
    text = MINIMAL.replace("/srv/kiosk", f"{tmp_path}/kiosk")
    file.write_text(text + places + '[host]\nid = "edge-1"\n', encoding="utf-8")
    return file


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            status = cli.main(["--config", str(config), *arguments])
        except SystemExit as error:
            status = int(str(error.code))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


class Agent:
    """What answers on the control socket."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.answer: dict[str, Any] = {}

    def __call__(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(request)
        return self.answer


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    made = Agent()
    server = ControlServer(tmp_path / "run", made)
    server.start()
    yield made
    server.stop()


# Usage


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("dance",),
        ("status", "--yaml"),
        ("history", "--limit", "0"),
        ("history", "--limit", "-5"),
        ("history", "--limit", "many"),
        ("windows", "--next", "0"),
        ("windows", "--next", "100000"),
        ("verify",),
    ],
)
def test_wrong_usage_is_two(run: Run, arguments: tuple[str, ...]) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "usage: tidegate-agent" in err


@pytest.mark.parametrize(
    "command",
    [
        "",
        "run",
        "status",
        "history",
        "check-config",
        "windows",
        "approve",
        "rollback",
        "cancel",
        "hold",
        "resume",
        "verify",
        "device-key",
        "refresh-root",
        "enrol",
        "apply",
    ],
)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    status, out, _ = run(*[word for word in (command, "--help") if word])
    assert status == 0
    assert "usage: tidegate-agent" in out
    assert "Traceback" not in out


# Configuration


def test_a_good_configuration_is_shown(run: Run) -> None:
    status, out, _ = run("check-config")
    assert status == 0
    assert 'follow[0].product = "kiosk"' in out
    status, out, _ = run("check-config", "--json")
    assert isinstance(json.loads(out), list)


@pytest.mark.parametrize("text", ["[bus", "[buss]\nurl = 1\n", '[bus]\nurl = "gopher://x"\n'])
def test_a_bad_configuration_is_one_for_every_command(run: Run, config: Path, text: str) -> None:
    config.write_text(text, encoding="utf-8")
    for command in ("check-config", "status", "history", "windows", "approve"):
        status, out, err = run(command)
        assert (status, out) == (1, "")
        assert str(config) in err
        assert "Traceback" not in err


def test_a_window_that_never_opens_is_a_mistake(run: Run, config: Path) -> None:
    text = config.read_text() + NIGHT.replace("0 2 * * *", "0 2 30 2 *")
    config.write_text(text, encoding="utf-8")
    status, _, err = run("check-config")
    assert status == 1
    assert Code.WINDOW_NEVER_OPENS in err or "never" in err


# Windows


def test_windows_to_come_are_listed(run: Run, config: Path) -> None:
    config.write_text(config.read_text() + NIGHT, encoding="utf-8")
    status, out, _ = run("windows", "--next", "3")
    assert status == 0
    assert len(out.splitlines()) in {3, 4}
    assert "T02:00Z)" in out


# Status


def test_status_without_an_agent_is_the_journals(run: Run) -> None:
    status, out, _ = run("status")
    assert status == 0
    assert "host edge-1: the agent is not running" in out
    assert "kiosk/stable: idle" in out
    told = HostStatus.model_validate_json(run("status", "--json")[1])
    assert (told.host, told.presence) == ("edge-1", Presence.OFFLINE)


def test_status_of_a_running_agent_is_its_own(run: Run, agent: Agent) -> None:
    follow = FollowStatus(product="kiosk", channel="stable", engine="embedded", state="staging")
    status = HostStatus(
        host="edge-1",
        presence=Presence.ONLINE,
        start=1,
        connection=1,
        at=an_event().time,
        follows=(follow,),
    )
    agent.answer = {"ok": True, "status": status.model_dump(mode="json", exclude_none=True)}
    assert run("status")[1].splitlines()[:2] == ["host edge-1: online", "  kiosk/stable: staging"]
    assert HostStatus.model_validate_json(run("status", "--json")[1]) == status


def test_a_refusal_is_told_with_code_and_remedy(run: Run, agent: Agent) -> None:
    agent.answer = {"ok": False, "code": "request.pointless", "reason": "there is no update to approve"}
    status, out, err = run("approve")
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        "tidegate-agent: there is no update to approve",
        f"  [request.pointless] {REGISTRY[Code.REQUEST_POINTLESS].remedy}",
    ]


def test_without_an_agent_there_is_nobody_to_ask(run: Run) -> None:
    for command in ("approve", "rollback", "cancel", "hold", "resume"):
        status, _, err = run(command)
        assert status == 1
        assert "[control.unreachable]" in err


def test_what_the_local_commands_ask(run: Run, agent: Agent) -> None:
    agent.answer = {"ok": True, "follow": "kiosk/stable", "digest": "sha256:aa", "waits": "for the night"}
    assert "still waits: for the night" in run("approve", "--now")[1]
    assert run("approve", "--for", "2h")[0] == 0
    assert run("approve", "--quarantined", "sha256:aa", "kiosk/stable")[0] == 0
    assert run("rollback", "--reason", "the fan is loud")[0] == 0
    assert run("cancel")[0] == 0
    assert "tidegate-agent resume" in run("hold", "--reason", "a show is on")[1]
    assert run("resume", "kiosk/stable")[0] == 0
    assert agent.asked == [
        {"command": "approve", "follow": None, "now": True, "seconds": None},
        {"command": "approve", "follow": None, "now": False, "seconds": 7200},
        {"command": "pardon", "follow": "kiosk/stable", "digest": "sha256:aa"},
        {"command": "rollback", "follow": None, "reason": "the fan is loud"},
        {"command": "cancel", "follow": None, "reason": ""},
        {"command": "hold", "follow": None, "reason": "a show is on"},
        {"command": "resume", "follow": "kiosk/stable"},
    ]


# History


def test_what_is_put_off_and_until_when_is_told(run: Run, agent: Agent) -> None:
    answer = {"ok": True, "follow": "kiosk/stable", "digest": "sha256:aa", "until": "2026-03-02T13:00:00Z"}
    agent.answer = answer
    assert run("snooze")[1] == "kiosk/stable: sha256:aa is put off until 2026-03-02T13:00:00Z\n"
    assert run("snooze", "--for", "90m", "kiosk/stable")[0] == 0
    assert agent.asked == [
        {"command": "snooze", "follow": None, "seconds": None},
        {"command": "snooze", "follow": "kiosk/stable", "seconds": 5400},
    ]
    for wrong in ("0s", "soon", "-1h", "1"):
        assert run("snooze", "--for", wrong)[0] == 2


def test_history_is_told_newest_last(run: Run, tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "state/journal.db")
    events = tuple(an_event(step) for step in (Step.ACCEPTED, Step.STAGED, Step.SUCCEEDED))
    journal.commit(Change(Follow("kiosk", "stable"), events=events))
    journal.close()
    _, out, _ = run("history")
    assert [line.split()[2] for line in out.splitlines()] == ["accepted", "staged", "succeeded"]
    _, out, _ = run("history", "--json", "--limit", "2")
    assert [UpdateEvent.model_validate_json(line) for line in out.splitlines()] == list(events[1:])


def test_a_journal_that_cannot_be_made_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, no directory")
    status, _, err = run("history")
    assert status == 1
    assert "[disk.io]" in err
    assert "Traceback" not in err


# Verify


def test_a_bundle_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    for file in (tmp_path / "no-such-file", tmp_path):
        status, _, err = run("verify", str(file))
        assert status == 1
        assert str(file) in err
        assert "[config.missing]" in err


def test_a_channel_that_is_not_followed_is_told(run: Run, config: Path) -> None:
    status, _, err = run("verify", str(config), "--follow", "other/channel")
    assert status == 1
    assert "other/channel" in err
