"""The file that pam_motd shows to whoever logs in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from tidegate_agent.adapters.motd_file import MotdFile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "motd.d"
    folder.mkdir()
    return folder / "50-tidegate"


def test_it_shows_what_is_to_be_said_and_goes_when_there_is_nothing(file: Path) -> None:
    board = MotdFile(file)
    board.show(["it waits", "for the night"])
    assert file.read_text(encoding="utf-8") == "it waits\nfor the night\n"
    assert file.stat().st_mode & 0o777 == 0o644
    board.show([])
    assert list(file.parent.iterdir()) == []


def test_it_is_written_only_when_there_is_news(file: Path) -> None:
    board = MotdFile(file)
    board.show(["it waits"])
    first = file.stat().st_ino
    board.show(["it waits"])
    assert file.stat().st_ino == first
    board.show(["it goes on"])
    assert file.read_text(encoding="utf-8") == "it goes on\n"


def test_what_an_earlier_agent_left_goes_too(file: Path) -> None:
    file.write_text("old news\n", encoding="utf-8")
    MotdFile(file).show([])
    assert not file.exists()


def test_a_link_in_its_place_is_replaced_and_not_followed(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine", encoding="utf-8")
    file.symlink_to(target)
    file.with_name(f".{file.name}.new").symlink_to(target)
    MotdFile(file).show(["it waits"])
    assert (target.read_text(encoding="utf-8"), file.is_symlink()) == ("mine", False)


def test_where_nobody_reads_it_nothing_is_written_or_complained_of(tmp_path: Path) -> None:
    said: list[str] = []
    sink = logger.add(said.append, format="{message}")
    board = MotdFile(tmp_path / "missing" / "50-tidegate")
    board.show(["it waits"])
    board.show([])
    logger.remove(sink)
    assert said == []
    assert list(tmp_path.iterdir()) == []


def test_one_that_cannot_be_written_is_complained_of_once(file: Path) -> None:
    os.mkdir(file)  # noqa: PTH102 - a directory in its place
    (file / "inside").touch()
    said: list[str] = []
    sink = logger.add(said.append, format="{message}")
    board = MotdFile(file)
    for _ in range(3):
        board.show(["it waits"])
    logger.remove(sink)
    [line] = said
    assert "cannot be written" in line
