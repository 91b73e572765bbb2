"""The rules of windows in every zone of tzdata, against a reference that looks at each minute in turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_agent.windows import Blackout, Schedule, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
ZONES: Final = sorted(available_timezones())
YEARS: Final = (1995, 2011, 2026)
"""Few enough to be quick. 1995 and 2011 hold the days that Kiribati and Samoa left out."""


def transitions(zone: ZoneInfo, year: int) -> Iterator[datetime]:
    """Each minute of a year (UTC) at which the zone's offset changes, by halving the days where it does."""
    day = datetime(year, 1, 1, tzinfo=UTC)
    while day.year == year:
        before, after = day, day + timedelta(days=1)
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            while after - before > MINUTE:
                middle = before + MINUTE * ((after - before) // MINUTE // 2)
                changed = before.astimezone(zone).utcoffset() != middle.astimezone(zone).utcoffset()
                before, after = (before, middle) if changed else (middle, after)
            yield after
        day += timedelta(days=1)


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def reference(zone: ZoneInfo, start: datetime, end: datetime) -> dict[tuple[int, int], dict[datetime, None]]:
    """When each wall time (hour, minute) opens, by a walk beside the highest wall time shown so far.

    A wall time opens at the first minute that shows it or something later: this one rule covers ordinary,
    skipped and repeated times, and shares nothing with the implementation.
    """
    opened: dict[tuple[int, int], dict[datetime, None]] = {}
    shown = wall(start - MINUTE, zone)
    moment = start
    while moment < end:
        now = wall(moment, zone)
        while shown < now:
            shown += MINUTE
            opened.setdefault((shown.hour, shown.minute), {})[moment] = None
        moment += MINUTE
    return opened


@pytest.mark.parametrize("year", YEARS)
def test_every_change_of_clocks_agrees_with_the_reference(year: int) -> None:
    """A day about every change in the world; zones that change alike at one moment are looked at once."""
    seen = set()
    for name in ZONES:
        zone = ZoneInfo(name)
        for change in transitions(zone, year):
            start, end = change - timedelta(hours=26), change + 3 * HOUR
            alike = (
                change,
                (change - MINUTE).astimezone(zone).utcoffset(),
                change.astimezone(zone).utcoffset(),
            )
            if alike in seen:
                continue
            seen.add(alike)
            expected = reference(zone, start, end)
            local = wall(change, zone)
            for hour, minute in {
                (local.hour, 0),
                (local.hour, 10),
                ((local.hour - 1) % 24, 30),
                (2, 30),
                (0, 0),
            }:
                window = Window(f"{minute} {hour} * * *", timedelta(minutes=20), zone)
                assert_follows(window, list(expected.get((hour, minute), {})), start, end)
    assert len(seen) > 40


def assert_follows(window: Window, expected: list[datetime], start: datetime, end: datetime) -> None:
    """The window opens at exactly these moments between start and end, found from before and from after."""
    found = []
    moment = window.next_opening(start - timedelta(microseconds=1))
    while moment is not None and moment < end:
        assert window.last_opening(moment) == moment
        found.append(moment)
        moment = window.next_opening(moment)
    assert found == expected, (window, found, expected)
    probe = found[0] if found else end
    while probe < end:
        # Between openings, too: in the second pass of a repeated hour the last one has a later wall time.
        assert window.last_opening(probe) == max(moment for moment in found if moment <= probe)
        probe += 25 * MINUTE


crons = st.one_of(
    st.builds("{} {} * * *".format, st.integers(0, 59), st.integers(0, 23)),
    st.builds("{} {} * * {}".format, st.integers(0, 59), st.integers(0, 23), st.integers(0, 7)),
    st.builds("{} {} {} * *".format, st.integers(0, 59), st.integers(0, 23), st.integers(1, 31)),
    st.builds("*/{} {}-23 * * *".format, st.integers(5, 59), st.integers(0, 23)),
    st.builds("{} * * * *".format, st.integers(0, 59)),
    st.sampled_from(
        ["* 2 * * *", "0 0 L * *", "30 2 LW * *", "15 3 * * MON#2", "0 4 * * 5L", "0 1 13 * FRI"]
    ),
)
durations = st.timedeltas(MINUTE, timedelta(days=7))
moments = st.datetimes(datetime(1970, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 # naive is hypothesis's rule
windows = st.builds(Window, crons, durations, st.sampled_from(ZONES).map(ZoneInfo))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Schedule, datetime]:
    """A schedule of up to three windows and three blackouts, and a moment near the blackouts."""
    now = draw(moments)
    offsets = st.timedeltas(timedelta(days=-30), timedelta(days=30))
    blackouts = [
        Blackout(start, start + draw(st.timedeltas(MINUTE, timedelta(days=20))))
        for start in (now + draw(offsets) for _ in range(draw(st.integers(0, 3))))
    ]
    return Schedule(tuple(draw(st.lists(windows, max_size=3))), tuple(blackouts)), now


@given(cases())
def test_the_questions_agree_with_each_other(case: tuple[Schedule, datetime]) -> None:
    schedule, now = case
    opens = schedule.next_open(now)
    if schedule.is_open(now):
        assert opens == now
    else:
        assert schedule.closes_at(now) is None
        assert not schedule.fits(now, timedelta(0))
    if opens is None:
        return
    assert opens >= now
    assert opens.tzinfo is UTC
    assert schedule.is_open(opens)
    if opens > now:
        assert not schedule.is_open(opens - timedelta(microseconds=1))
    closes = schedule.closes_at(opens)
    if closes is None:
        assert schedule.fits(opens, timedelta(days=8))
        return
    assert closes > opens
    assert schedule.is_open(closes - timedelta(microseconds=1))
    assert not schedule.is_open(closes)
    assert schedule.fits(opens, closes - opens)
    assert not schedule.fits(opens, closes - opens + timedelta(microseconds=1))


@given(cases())
def test_openings_ascend_and_never_overlap_or_adjoin(case: tuple[Schedule, datetime]) -> None:
    schedule, now = case
    openings = schedule.upcoming(now, 6)
    for opening in openings:
        assert opening.closes is None or opening.closes > opening.opens
    for earlier, later in pairwise(openings):
        assert earlier.closes is not None
        assert later.opens > earlier.closes


@given(cases(), st.timedeltas(timedelta(0), timedelta(days=10)))
def test_nothing_is_open_inside_a_blackout_and_nothing_else_but_a_window(
    case: tuple[Schedule, datetime], later: timedelta
) -> None:
    schedule, now = case
    moment = now + later
    in_blackout = any(blackout.start <= moment < blackout.end for blackout in schedule.blackouts)
    in_window = not schedule.windows or any(
        opening is not None and moment < opening + window.duration
        for window in schedule.windows
        for opening in [window.last_opening(moment)]
    )
    assert schedule.is_open(moment) == (in_window and not in_blackout)


@given(windows, moments)
def test_last_and_next_openings_meet(window: Window, now: datetime) -> None:
    following = window.next_opening(now)
    preceding = window.last_opening(now)
    assert following is not None
    assert preceding is not None
    assert preceding <= now < following
    assert window.next_opening(preceding) == following
    assert window.last_opening(following) == following


@given(windows, moments, st.sampled_from(ZONES).map(ZoneInfo))
def test_the_zone_of_now_makes_no_difference(window: Window, now: datetime, zone: ZoneInfo) -> None:
    schedule = Schedule((window,))
    there = now.astimezone(zone)
    assert schedule.upcoming(there, 2) == schedule.upcoming(now, 2)
    assert schedule.fits(there, HOUR) == schedule.fits(now, HOUR)
