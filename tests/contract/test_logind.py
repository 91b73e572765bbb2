"""Who is logged in, as logind tells it through busctl; stand-ins answer as busctl of systemd 252 does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from tidegate_agent.adapters.host_linux import HostCommands, LinuxHost
from tidegate_agent.adapters.logind import LOOKED_AT, LogindCommands
from tidegate_agent.adapters.logind import Logind as Answers

if TYPE_CHECKING:
    from pathlib import Path

PLACE = "/org/freedesktop/login1/session/"


def script(file: Path, body: str) -> tuple[str, ...]:
    file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    file.chmod(0o755)
    return (str(file),)


def listing(*sessions: tuple[str, str, str]) -> str:
    """What busctl prints for ListSessions: id, user id, user, seat, path."""
    rows = [[name, 1000, user, seat, f"{PLACE}{name}"] for name, user, seat in sessions]
    return json.dumps({"type": "a(susso)", "data": [rows]})


class Logind:
    """A host on which logind knows these sessions; each has a file with its properties."""

    def __init__(self, folder: Path, *sessions: tuple[str, str, str], listed: str | None = None) -> None:
        self._folder = folder
        (folder / "listed").write_text(listing(*sessions) if listed is None else listed, encoding="utf-8")
        show = f'cat "{folder}/$(basename "$1")"'
        commands = LogindCommands(
            list_sessions=script(folder / "list", f"cat {folder}/listed"),
            show_session=script(folder / "show", show),
        )
        self.host = LinuxHost(folder / "hold", HostCommands(logind=commands), systemd_runs=folder)

    def knows(self, name: str, kind: str = "user", state: str = "active", tty: str = "") -> None:
        lines = [json.dumps({"type": "s", "data": each}) for each in (kind, state, tty)]
        (self._folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_people_count_and_greeters_timers_and_those_who_have_left_do_not(tmp_path: Path) -> None:
    names = ("_31", "alice", ""), ("_32", "bob", "seat0"), ("c1", "gdm", "seat0"), ("_34", "root", "")
    logind = Logind(tmp_path, *names, ("_35", "carol", ""), ("_36", "dora", ""))
    logind.knows("_31", tty="pts/1")
    logind.knows("_32")
    logind.knows("c1", kind="greeter")
    logind.knows("_34", kind="background")
    logind.knows("_35", state="closing")
    logind.knows("_36", kind="manager")
    assert logind.host.sessions() == ("alice on pts/1", "bob on seat0")


def test_nobody_is_nobody(tmp_path: Path) -> None:
    assert Logind(tmp_path).host.sessions() == ()


@pytest.mark.parametrize(
    "properties", [None, "", "garbage", '{"data":"user"}\n{"data":1}\n{"data":""}', "[]\n" * 3]
)
def test_a_session_that_cannot_be_looked_at_counts(tmp_path: Path, properties: str | None) -> None:
    logind = Logind(tmp_path, ("_31", "alice", "seat0"))
    if properties is not None:
        (tmp_path / "_31").write_text(properties, encoding="utf-8")
    assert logind.host.sessions() == ("alice on seat0",)


@pytest.mark.parametrize(
    "listed",
    ["", "[]", '{"data":[]}', '{"data":[[["1"]]]}', '{"data":[[["1",0,"a","","--help"]]]}', "[" * 100_000],
)
def test_garbage_counts_as_somebody(tmp_path: Path, listed: str) -> None:
    [words] = Logind(tmp_path, listed=listed).host.sessions()
    assert words.startswith("perhaps somebody: logind does not say who")


def test_busctl_that_is_missing_counts_as_somebody(tmp_path: Path) -> None:
    missing = (str(tmp_path / "missing"),)
    commands = HostCommands(logind=LogindCommands(missing, missing, missing))
    host = LinuxHost(tmp_path / "hold", commands, systemd_runs=tmp_path)
    [words] = host.sessions()
    assert "No such file" in words
    [words] = host.inhibitors()
    assert "No such file" in words


def test_a_logind_that_hangs_counts_as_somebody_and_as_a_block(tmp_path: Path) -> None:
    hangs = script(tmp_path / "hangs", "exec sleep 60")
    logind = Answers(LogindCommands(hangs, hangs, hangs), timeout_s=0.2)
    assert logind.sessions() == ["perhaps somebody: logind does not say who (no answer)"]
    assert logind.blocks() == ["logind does not say who inhibits shutdown: no answer"]


def test_sessions_that_hang_count(tmp_path: Path) -> None:
    listed = listing(("_31", "alice", "seat0"), ("_32", "bob", ""))
    (tmp_path / "listed").write_text(listed, encoding="utf-8")
    lists, hangs = (
        script(tmp_path / "lists", f"cat {tmp_path}/listed"),
        script(tmp_path / "h", "exec sleep 60"),
    )
    logind = Answers(LogindCommands(hangs, lists, hangs), timeout_s=0.5)
    assert logind.sessions() == ["alice on seat0", "bob"]


def test_a_crowd_is_counted_and_not_looked_at(tmp_path: Path) -> None:
    crowd = [(f"_{number}", "alice", "") for number in range(LOOKED_AT + 5)]
    logind = Logind(tmp_path, *crowd)
    for name, _, _ in crowd:
        logind.knows(name, kind="background")
    assert logind.host.sessions() == ("5 more sessions",)


def test_hostile_names_do_no_harm(tmp_path: Path) -> None:
    logind = Logind(tmp_path, ("_31", "\x1b[2J" + "x" * 1000, ""))
    logind.knows("_31", tty="\n\ud800")
    [words] = logind.host.sessions()
    assert words.isprintable()
    assert len(words) < 200


def test_everybody_is_told_once(tmp_path: Path) -> None:
    wall = script(tmp_path / "wall", f'printf "%s" "$1" >> {tmp_path}/told')
    LinuxHost(tmp_path / "hold", HostCommands(wall=wall)).tell("It restarts at 02:00.\x1b[2J")
    assert (tmp_path / "told").read_text(encoding="utf-8") == "It restarts at 02:00.\ufffd[2J"


@pytest.mark.parametrize("broken", ["missing", "failing"])
def test_a_wall_that_cannot_be_written_on_is_words_in_the_log(tmp_path: Path, broken: str) -> None:
    wall = (
        (str(tmp_path / "missing"),) if broken == "missing" else script(tmp_path / "wall", "echo no; exit 1")
    )
    said: list[str] = []
    sink = logger.add(said.append, format="{message}")
    LinuxHost(tmp_path / "hold", HostCommands(wall=wall)).tell("hello")
    logger.remove(sink)
    [line] = said
    assert line.startswith("nobody who is logged in was told")
