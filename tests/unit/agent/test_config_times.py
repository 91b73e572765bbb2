"""Durations, windows and blackouts, from what a person writes to what the core reckons with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.config_tree import MINIMAL, ConfigTree
from tidegate_agent.config import explain
from tidegate_agent.config.scalars import format_duration, named_zone, parse_duration
from tidegate_agent.windows import Blackout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> ConfigTree:
    tree = ConfigTree(tmp_path)
    tree.put("usr", "agent.toml", MINIMAL)
    return tree


def test_schedule_takes_the_host_s_zone_where_none_is_named(tree: ConfigTree) -> None:
    tree.put(
        "etc",
        "agent.toml.d/50.toml",
        """
        [[window]]
        cron = "0 2 * * *"
        duration = "1h"
        [[window]]
        cron = "0 3 * * *"
        duration = "1h"
        timezone = "Asia/Tokyo"
        [[blackout]]
        from = 2026-12-24
        until = 2026-12-27T12:00:00Z
        """,
    )
    schedule = tree.load().settings.schedule(ZoneInfo("Europe/Berlin"))
    assert [window.zone.key for window in schedule.windows] == ["Europe/Berlin", "Asia/Tokyo"]
    assert schedule.blackouts == (
        Blackout(datetime(2026, 12, 23, 23, tzinfo=UTC), datetime(2026, 12, 27, 12, tzinfo=UTC)),
    )


def test_an_ambiguous_blackout_is_the_longer_one(tree: ConfigTree) -> None:
    tree.put(
        "etc",
        "agent.toml.d/50.toml",
        "[[blackout]]\nfrom = 2026-10-25T02:30:00\nuntil = 2026-10-25T02:45:00\n",
    )
    [blackout] = tree.load().settings.schedule(ZoneInfo("Europe/Berlin")).blackouts
    assert blackout == Blackout(
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 45, tzinfo=UTC)
    )


def test_dates_come_back_as_they_were_written(tree: ConfigTree) -> None:
    tree.put("etc", "agent.toml.d/50.toml", "[[blackout]]\nfrom = 2026-12-24\nuntil = 2026-12-27\n")
    assert tree.load().settings.blackout[0].start == date(2026, 12, 24)
    assert any(line.startswith("blackout[0].from = 2026-12-24  #") for line in explain(tree.load()))


def test_every_zone_of_tzdata_has_its_name() -> None:
    for name in available_timezones() - {"posixrules", "localtime"}:
        zone = named_zone(name)
        assert zone is not None, name
        assert zone.key == name


@pytest.mark.parametrize(
    "name", ["", "Europe", "right/UTC", "posix/UTC", "../UTC", "/etc/passwd", "tzdata.zi", "Z" * 5000]
)
def test_what_is_no_zone_has_none(name: str) -> None:
    assert named_zone(name) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200),
        ("90m", 5400),
        ("1h30m", 5400),
        ("45s", 45),
        ("1d", 86400),
        ("PT2H", 7200),
        ("P1DT30M", 88200),
    ],
)
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "2", "h", "2h ago", "-2h", "1.5h", "30m1h", "PT2", "9999999h", "٢h"]
)
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(
    st.timedeltas(timedelta(0), timedelta(days=9999)).map(
        lambda each: each - timedelta(microseconds=each.microseconds)
    )
)
def test_durations_survive_being_written(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration
