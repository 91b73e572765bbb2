"""What the configuration says of manners comes to count."""

from __future__ import annotations

import textwrap
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.config_tree import MINIMAL
from tidegate_agent.config import Settings, load
from tidegate_agent.wiring.values import board_of, lock_of, manners_of

if TYPE_CHECKING:
    from pathlib import Path

LOCK = '[activate.fleet_lock]\nurl = "https://lock.example"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def settings(folder: Path, text: str) -> Settings:
    file = folder / "agent.toml"
    file.write_text(textwrap.dedent(f'{MINIMAL}\n[host]\nid = "edge-1"\n{text}'), encoding="utf-8")
    return load((file,)).settings


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", False),
        (LOCK, True),
        (f'[activate]\nreboot = "never"\n{LOCK}', False),
        (f'[activate]\nreboot = "never"\n{LOCK}for = "all"\n', True),
    ],
)
def test_the_lock_is_asked_where_it_is_configured_and_the_agent_reboots(
    folder: Path,
    text: str,
    asked: bool,  # noqa: FBT001 - a column
) -> None:
    assert (lock_of(settings(folder, text)) is not None) is asked


def test_how_long_people_count(folder: Path) -> None:
    manners = manners_of(settings(folder, ""))
    assert manners.session_grace == timedelta(minutes=10)
    text = '[activate]\nsession_grace = "3m"\napproval_expires = "1h"\nsnooze_limit = "2h"\n'
    manners = manners_of(settings(folder, text))
    assert manners.session_grace == timedelta(minutes=3)
    assert (manners.approval_expires, manners.snooze_limit) == (timedelta(hours=1), timedelta(hours=2))
    assert manners_of(settings(folder, '[activate]\nsessions = "ignore"\n')).session_grace is None


def test_how_long_a_clock_is_waited_for(folder: Path) -> None:
    assert manners_of(settings(folder, "")).clock_wait == timedelta(minutes=30)
    never = manners_of(settings(folder, '[activate]\nclock_wait = "0s"\n'))
    assert never.clock_wait == timedelta(0)


def test_those_who_log_in_may_be_left_alone(folder: Path) -> None:
    assert board_of(settings(folder, "")) is not None
    assert board_of(settings(folder, "[state]\nmotd = false\n")) is None
