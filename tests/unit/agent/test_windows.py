"""Window arithmetic by example: what a person would look up in a calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tidegate_agent.errors import ConfigError
from tidegate_agent.windows import Blackout, Opening, Schedule, Window
from tidegate_schemas.codes import Code

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAYS = Window("0 2 * * SUN", timedelta(hours=2), ZoneInfo("UTC"))
NOON_ON_A_MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_no_windows_is_always_open() -> None:
    schedule = Schedule()
    assert schedule.is_open(NOON_ON_A_MONDAY)
    assert schedule.next_open(NOON_ON_A_MONDAY) == NOON_ON_A_MONDAY
    assert schedule.closes_at(NOON_ON_A_MONDAY) is None
    assert schedule.fits(NOON_ON_A_MONDAY, timedelta(days=300))
    assert schedule.upcoming(NOON_ON_A_MONDAY, 3) == [Opening(NOON_ON_A_MONDAY, None)]


def test_weekday_names_and_numbers_mean_the_same_days() -> None:
    for name, number in zip(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), range(7), strict=True):
        by_name = Schedule((Window(f"0 2 * * {name}", timedelta(hours=1), ZoneInfo("UTC")),))
        by_number = Schedule((Window(f"0 2 * * {number}", timedelta(hours=1), ZoneInfo("UTC")),))
        opens = by_name.next_open(NOON_ON_A_MONDAY)
        assert opens is not None
        assert opens.strftime("%a").upper() == name
        assert by_number.next_open(NOON_ON_A_MONDAY) == opens


def test_opening_includes_its_first_moment_and_excludes_its_last() -> None:
    schedule = Schedule((SUNDAYS,))
    assert not schedule.is_open(utc("2026-11-29 01:59:59.999999"))
    assert schedule.is_open(utc("2026-11-29 02:00"))
    assert schedule.is_open(utc("2026-11-29 03:59:59.999999"))
    assert not schedule.is_open(utc("2026-11-29 04:00"))
    assert schedule.closes_at(utc("2026-11-29 03:59")) == utc("2026-11-29 04:00")
    assert schedule.next_open(utc("2026-11-29 04:00")) == utc("2026-12-06 02:00")


def test_closed_has_no_closing() -> None:
    assert Schedule((SUNDAYS,)).closes_at(NOON_ON_A_MONDAY) is None
    assert not Schedule((SUNDAYS,)).fits(NOON_ON_A_MONDAY, timedelta(0))


def test_work_fits_up_to_the_closing_itself() -> None:
    schedule = Schedule((SUNDAYS,))
    assert schedule.fits(utc("2026-11-29 03:00"), timedelta(hours=1))
    assert not schedule.fits(utc("2026-11-29 03:00"), timedelta(hours=1, microseconds=1))


def test_overlapping_and_adjoining_windows_are_one() -> None:
    adjoining = Window("0 4 * * SUN", timedelta(hours=1), ZoneInfo("UTC"))
    overlapping = Window("30 4 * * SUN", timedelta(hours=1), ZoneInfo("UTC"))
    schedule = Schedule((overlapping, SUNDAYS, adjoining))
    assert schedule.closes_at(utc("2026-11-29 02:00")) == utc("2026-11-29 05:30")


def test_daily_windows_of_a_day_never_close() -> None:
    schedule = Schedule((Window("0 0 * * *", timedelta(days=1), ZoneInfo("UTC")),))
    assert schedule.closes_at(NOON_ON_A_MONDAY) is None
    assert schedule.fits(NOON_ON_A_MONDAY, timedelta(days=30))


def test_blackout_cuts_an_opening_in_two() -> None:
    schedule = Schedule((SUNDAYS,), (Blackout(utc("2026-11-29 02:30"), utc("2026-11-29 03:00")),))
    assert schedule.upcoming(NOON_ON_A_MONDAY, 3) == [
        Opening(utc("2026-11-29 02:00"), utc("2026-11-29 02:30")),
        Opening(utc("2026-11-29 03:00"), utc("2026-11-29 04:00")),
        Opening(utc("2026-12-06 02:00"), utc("2026-12-06 04:00")),
    ]
    assert not schedule.is_open(utc("2026-11-29 02:30"))
    assert schedule.is_open(utc("2026-11-29 03:00"))


def test_nested_and_chained_blackouts_hold_till_the_last_ends() -> None:
    blackouts = (
        Blackout(utc("2026-12-20"), utc("2027-01-04")),
        Blackout(utc("2026-12-24"), utc("2026-12-27")),
        Blackout(utc("2027-01-04"), utc("2027-01-11")),
    )
    assert Schedule((), blackouts).next_open(utc("2026-12-25")) == utc("2027-01-11")
    assert Schedule((SUNDAYS,), blackouts).next_open(utc("2026-12-25")) == utc("2027-01-17 02:00")


def test_blackout_of_two_years_never_opens() -> None:
    schedule = Schedule((SUNDAYS,), (Blackout(utc("2026-11-01"), utc("2028-11-01")),))
    assert schedule.next_open(NOON_ON_A_MONDAY) is None
    assert schedule.upcoming(NOON_ON_A_MONDAY, 3) == []
    with pytest.raises(ConfigError) as caught:
        schedule.require_opening(NOON_ON_A_MONDAY)
    assert caught.value.code is Code.WINDOW_NEVER_OPENS


def test_leap_day_is_beyond_the_horizon_until_the_year_before() -> None:
    schedule = Schedule((Window("0 2 29 2 *", timedelta(hours=2), BERLIN),))
    assert schedule.next_open(NOON_ON_A_MONDAY) is None
    assert schedule.next_open(utc("2027-03-15")) == utc("2028-02-29 01:00")


# Europe/Berlin springs forward on 2026-03-29 (02:00 becomes 03:00) and falls back on 2026-10-25.


def test_skipped_wall_time_opens_at_the_next_that_exists() -> None:
    schedule = Schedule((Window("30 2 * * *", timedelta(hours=1), BERLIN),))
    assert schedule.upcoming(utc("2026-03-28 12:00"), 2) == [
        Opening(utc("2026-03-29 01:00"), utc("2026-03-29 02:00")),
        Opening(utc("2026-03-30 00:30"), utc("2026-03-30 01:30")),
    ]


def test_repeated_wall_time_opens_once_and_duration_is_elapsed_time() -> None:
    schedule = Schedule((Window("30 2 * * *", timedelta(hours=2), BERLIN),))
    assert schedule.upcoming(utc("2026-10-24 12:00"), 2) == [
        Opening(utc("2026-10-25 00:30"), utc("2026-10-25 02:30")),
        Opening(utc("2026-10-26 01:30"), utc("2026-10-26 03:30")),
    ]


def test_repeated_wall_time_opens_once_under_an_asterisk_too() -> None:
    schedule = Schedule((Window("*/30 * * * *", timedelta(minutes=10), BERLIN),))
    opens = [opening.opens for opening in schedule.upcoming(utc("2026-10-24 23:45"), 4)]
    assert opens == [
        utc("2026-10-25 00:00"),
        utc("2026-10-25 00:30"),
        utc("2026-10-25 02:00"),
        utc("2026-10-25 02:30"),
    ]


def test_a_whole_skipped_day_opens_at_the_next() -> None:
    # Samoa crossed the date line: 2011-12-29 was followed by 2011-12-31.
    schedule = Schedule((Window("0 2 30 12 *", timedelta(hours=1), ZoneInfo("Pacific/Apia")),))
    assert schedule.next_open(utc("2011-12-29 12:00")) == utc("2011-12-30 10:00")


def test_elapsed_time_is_right_when_now_is_in_the_window_s_zone() -> None:
    schedule = Schedule((Window("30 1 * * *", timedelta(hours=2), BERLIN),))
    now = datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN)
    assert schedule.closes_at(now) == utc("2026-03-29 02:30")
    assert schedule.fits(now, timedelta(hours=2))
    assert not schedule.is_open(datetime(2026, 3, 29, 4, 30, tzinfo=BERLIN))


@pytest.mark.parametrize(
    ("cron", "complaint"),
    [
        ("0 25 * * *", "the hour is '25'; expected 0-23"),
        ("60 2 * * *", "the minute is '60'"),
        ("0 2 0 * *", "the day of month is '0'"),
        ("0 2 * FOO *", "the month is 'FOO'"),
        ("0 2 * * Sunday", "the day of week is 'Sunday'"),
        ("0 2 * * FRI-MON", "the day of week is 'FRI-MON'"),
        ("0 2 * * ²L", "the day of week is '²L'"),
        ("*/0 2 * * *", "the minute is '*/0'"),
        ("@daily", "has 1 fields; expected five"),
        ("0 0 2 * * *", "has 6 fields; expected five"),
        ("", "has 0 fields"),
        ("9" * 5000 + " 2 * * *", "expected five"),
    ],
)
def test_a_wrong_expression_names_its_field(cron: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Window(cron, timedelta(hours=1), BERLIN)
    assert caught.value.code is Code.CONFIG_VALUE
    assert complaint in caught.value.reason


@pytest.mark.parametrize("cron", ["0 2 30 2 *", "0 2 31 4,6 *"])
def test_a_date_that_no_year_has_is_refused(cron: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Window(cron, timedelta(hours=1), BERLIN)
    assert caught.value.code is Code.WINDOW_NEVER_OPENS


@pytest.mark.parametrize("duration", [timedelta(0), timedelta(seconds=59), timedelta(days=7, seconds=1)])
def test_durations_have_bounds(duration: timedelta) -> None:
    with pytest.raises(ConfigError, match="one minute to seven days"):
        Window("0 2 * * *", duration, BERLIN)


def test_a_blackout_ends_after_it_starts() -> None:
    with pytest.raises(ConfigError, match="expected a time after its start"):
        Blackout(utc("2026-12-24"), utc("2026-12-24"))
