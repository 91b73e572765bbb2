"""Nights in which the clocks change, as an update lives through them. `windows` itself: tests/unit/agent.

A change of clocks is no setting of the clock: the host's is in UTC, and only what a wall shows changes.
"""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.journal import FakeJournal
from tests.support.rig import START, Rig
from tests.support.updates import NEW, NEWER
from tidegate_agent.config.calendars import WindowSettings
from tidegate_agent.manners import Manners
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.events import Step

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
HALF_PAST_TWO = Manners(Schedule((Window("30 2 * * *", HOUR, BERLIN),)))


def host(manners: Manners, at: datetime) -> Rig:
    """A host at that time, with an update that waits for its window."""
    rig = Rig(manners=manners)
    rig.clock.set(at)
    rig.restart()
    rig.announce(NEW)
    assert rig.status().follows[0].waiting_for == "window"
    return rig


def test_a_window_that_begins_in_the_hour_that_is_skipped_opens_once_at_its_end() -> None:
    rig = host(HALF_PAST_TWO, datetime(2026, 3, 29, 0, 30, tzinfo=UTC))
    assert rig.status().follows[0].until == datetime(2026, 3, 29, 1, tzinfo=UTC)
    rig.advance(HOUR / 2)
    assert rig.image.status().current == NEW
    rig.announce(NEWER, sequence=2)
    assert rig.image.status().current == NEWER, "the window is open for the whole of its hour"
    assert rig.image.calls.count(f"activate {NEW}") == 1


def test_a_window_in_the_hour_that_comes_twice_is_open_the_first_time_only() -> None:
    rig = host(HALF_PAST_TWO, datetime(2026, 10, 24, 23, 0, tzinfo=UTC))
    assert rig.status().follows[0].until == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    rig.advance(timedelta(minutes=90))
    assert rig.image.status().current == NEW
    rig.clock.advance(timedelta(minutes=61))
    # Half past two again, on the wall.
    assert rig.clock.now().astimezone(BERLIN).hour == 2
    rig.announce(NEWER, sequence=2)
    assert rig.image.status().current == NEW
    assert rig.status().follows[0].until == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def zone(offset: timedelta) -> ZoneInfo:
    """A zone of that name whose data say that it is always that far ahead of UTC (RFC 8536, version 1)."""
    head = struct.pack(">4sc15x6l", b"TZif", b"\x00", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb4s", int(offset.total_seconds()), 0, 0, b"ANY\x00")
    return ZoneInfo.from_file(io.BytesIO(head + body), key="Europe/Berlin")


@pytest.mark.parametrize("moved", [-HOUR, HOUR], ids=["later", "earlier"])
def test_when_an_update_brings_other_zone_data_the_window_is_reckoned_anew(moved: timedelta) -> None:
    """A government changes its mind, and the agent starts with newer data than its journal was written by."""

    def nightly(offset: timedelta) -> Manners:
        return Manners(Schedule((Window("0 4 * * *", HOUR, zone(offset)),)))

    journal = FakeJournal()
    before = Rig(manners=nightly(2 * HOUR), journal=journal)
    before.announce(NEW)
    opens = before.status().follows[0].until
    assert opens == START.replace(hour=2) + timedelta(days=1)
    after = Rig(manners=nightly(2 * HOUR + moved), journal=journal)
    assert after.status().follows[0].until == opens - moved
    after.advance(opens - moved - START - timedelta(seconds=1))
    assert Step.ACTIVATING not in after.steps()
    after.advance(timedelta(seconds=1))
    assert Step.ACTIVATING in after.steps()


def test_a_zone_that_the_host_has_no_data_for_is_a_wrong_configuration() -> None:
    with pytest.raises(ValueError, match="expected an IANA time zone"):
        WindowSettings.model_validate({"cron": "0 2 * * *", "duration": "1h", "timezone": "Europe/Atlantis"})
