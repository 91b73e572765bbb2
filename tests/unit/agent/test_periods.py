"""The periods of a budget: they follow each other without gaps, whatever the clocks of a zone do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_agent.periods import Per, Period, period_at
from tidegate_agent.windows import Window

ZONES = ["UTC", "Europe/Berlin", "America/Havana", "Pacific/Apia", "Asia/Beirut", "Africa/Cairo"]
"""Among them some whose clocks skip midnight, and one that skipped a day."""
NIGHT = Window("0 2 * * *", timedelta(hours=2), ZoneInfo("Europe/Berlin"))
SUNDAY = Window("30 4 * * SUN", timedelta(hours=2), ZoneInfo("UTC"))
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

moments = st.integers(0, 30 * 366 * 86400).map(
    lambda second: datetime(2005, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
)


@pytest.mark.parametrize(
    ("per", "zone", "name", "begins", "ends"),
    [
        (Per.DAY, "UTC", "2026-03-02", "2026-03-02T00:00Z", "2026-03-03T00:00Z"),
        (Per.MONTH, "UTC", "2026-03", "2026-03-01T00:00Z", "2026-04-01T00:00Z"),
        (Per.MONTH, "Europe/Berlin", "2026-03", "2026-02-28T23:00Z", "2026-03-31T22:00Z"),
        (Per.DAY, "Asia/Tokyo", "2026-03-02", "2026-03-01T15:00Z", "2026-03-02T15:00Z"),
    ],
)
def test_days_and_months_are_those_of_the_hosts_zone(
    per: Per, zone: str, name: str, begins: str, ends: str
) -> None:
    whole = Period(name, datetime.fromisoformat(begins), datetime.fromisoformat(ends))
    assert period_at(NOON, per, ZoneInfo(zone)) == whole


@given(moments, st.sampled_from(ZONES), st.sampled_from([Per.DAY, Per.MONTH, Per.WINDOW]))
def test_every_moment_has_one_period_and_the_next_begins_where_it_ends(
    now: datetime, zone: str, per: Per
) -> None:
    here = period_at(now, per, ZoneInfo(zone), (NIGHT, SUNDAY))
    assert here.holds(now)
    assert here.ends is not None
    assert period_at(here.begins, per, ZoneInfo(zone), (NIGHT, SUNDAY)) == here
    last = here.ends - timedelta(microseconds=1)
    assert period_at(last, per, ZoneInfo(zone), (NIGHT, SUNDAY)).name == here.name
    following = period_at(here.ends, per, ZoneInfo(zone), (NIGHT, SUNDAY))
    assert (following.begins, following.name != here.name) == (here.ends, True)


def test_a_windows_period_lasts_until_the_next_one_opens() -> None:
    here = period_at(NOON, Per.WINDOW, ZoneInfo("UTC"), (NIGHT,))
    assert here.name == "window 2026-03-02T01:00:00Z"
    assert here.ends == datetime(2026, 3, 3, 1, tzinfo=UTC)


def test_without_any_window_there_is_one_period_without_an_end() -> None:
    here = period_at(NOON, Per.WINDOW, ZoneInfo("UTC"))
    assert (here.holds(NOON), here.ends) == (True, None)
