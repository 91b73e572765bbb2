"""Programs in a directory that may object to an activation."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tidegate_agent.adapters.host_linux import LinuxHost
from tidegate_agent.adapters.inhibit_hooks import HOOKS, REASON_CHARACTERS, InhibitHooks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inhibit.d"
    made.mkdir(mode=0o755)
    return made


def hook(folder: Path, name: str, body: str, mode: int = 0o755) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    file.chmod(mode)


def test_without_a_directory_nobody_objects(tmp_path: Path) -> None:
    assert InhibitHooks(tmp_path / "missing").objections() == []


def test_whoever_fails_objects_in_his_own_words_in_the_order_of_names(folder: Path) -> None:
    hook(folder, "20-backup", "echo starting; echo 'a backup runs' >&2; exit 1")
    hook(folder, "10-till", "echo 'the till is open'; exit 3")
    hook(folder, "30-fine", "echo nothing to say")
    hook(folder, "40-mute", "exit 7")
    assert InhibitHooks(folder).objections() == [
        "10-till objects: the till is open",
        "20-backup objects: a backup runs",
        "40-mute objects: exit status 7",
    ]


def test_what_is_no_hook_is_not_run(folder: Path) -> None:
    for name in (".hidden", "old~", "x.bak", "x.dpkg-old", "x.rpmsave", "x.disabled"):
        hook(folder, name, "exit 1")
    hook(folder, "README", "exit 1", mode=0o644)
    (folder / "directory").mkdir()
    assert InhibitHooks(folder).objections() == []


def test_one_that_hangs_objects(folder: Path) -> None:
    hook(folder, "slow", "exec sleep 60")
    [said] = InhibitHooks(folder, timeout_s=0.2).objections()
    assert said.endswith("slow gave no answer within 0 s, which counts as an objection")


def test_one_that_cannot_be_run_objects(folder: Path) -> None:
    (folder / "broken").write_text("#!/nonexistent/interpreter\n", encoding="utf-8")
    (folder / "broken").chmod(0o755)
    [said] = InhibitHooks(folder).objections()
    assert "broken cannot be run (No such file or directory)" in said


def test_what_others_may_write_to_is_not_run(folder: Path, tmp_path: Path) -> None:
    hook(folder, "planted", f"touch {tmp_path}/ran; exit 0", mode=0o777)
    [said] = InhibitHooks(folder).objections()
    assert "others may write to it (mode 0777)" in said
    hook(folder, "planted", f"touch {tmp_path}/ran; exit 0")
    folder.chmod(0o777)
    [said] = InhibitHooks(folder).objections()
    assert "chmod go-w" in said
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_belongs_to_another_user_is_not_run(folder: Path, tmp_path: Path) -> None:
    hook(folder, "planted", f"touch {tmp_path}/ran; exit 0")
    os.chown(folder / "planted", 12345, 0)
    [said] = InhibitHooks(folder).objections()
    assert "others may write to it (it is owned by user 12345)" in said
    assert not (tmp_path / "ran").exists()


def test_a_directory_that_is_none_objects(tmp_path: Path) -> None:
    (tmp_path / "inhibit.d").touch()
    [said] = InhibitHooks(tmp_path / "inhibit.d").objections()
    assert "Not a directory" in said


def test_too_many_are_one_objection(folder: Path) -> None:
    for number in range(HOOKS + 1):
        hook(folder, f"{number:02}", "exit 0")
    [said] = InhibitHooks(folder).objections()
    assert f"more than {HOOKS} hooks" in said


def test_a_long_or_hostile_reason_is_made_harmless(folder: Path) -> None:
    hook(folder, "loud", "printf '\\033[2J%01000d' 1; exit 1")
    [said] = InhibitHooks(folder).objections()
    assert said.isprintable()
    assert len(said) == len("loud objects: ") + REASON_CHARACTERS


def test_they_are_inhibitors_like_any_other(folder: Path, tmp_path: Path) -> None:
    hook(folder, "till", "echo 'the till is open'; exit 1")
    (tmp_path / "hold").write_text("by hand\n", encoding="utf-8")
    host = LinuxHost(tmp_path / "hold", systemd_runs=tmp_path / "none", hooks=InhibitHooks(folder))
    assert host.inhibitors() == (f"held by {tmp_path / 'hold'}: by hand", "till objects: the till is open")
