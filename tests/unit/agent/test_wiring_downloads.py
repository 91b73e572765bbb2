"""What the configuration says of downloads comes to count."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.support.config_tree import MINIMAL
from tidegate_agent.config import Settings, host_zone, load
from tidegate_agent.windows import Schedule, Window
from tidegate_agent.wiring.downloads import WindowRate, account_of, network_of, transfers_of
from tidegate_agent.wiring.values import manners_of, rules_of
from tidegate_schemas.rollout import Urgency

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HERE = NOON.astimezone(host_zone())
WINDOW = '[[window]]\ncron = "0 2 * * *"\nduration = "2h"\ntimezone = "UTC"\n'


def settings(folder: Path, text: str) -> Settings:
    file = folder / "agent.toml"
    file.write_text(textwrap.dedent(f"{MINIMAL}\n[download]\n{text}"), encoding="utf-8")
    return load((file,)).settings


def test_without_bounds_nothing_is_asked_or_counted(tmp_path: Path) -> None:
    plain = settings(tmp_path, "")
    transfers = transfers_of(plain)
    assert transfers.throttle is None
    transfers.pacing.came(5, 0.0)
    assert network_of(plain) is None
    assert account_of(plain, FakeJournal(), FakeClock().now) is None
    assert not rules_of(plain).watch_downloads
    assert manners_of(plain).download_override == {Urgency.EMERGENCY}


def test_the_rate_holds_for_all_transfers_together(tmp_path: Path) -> None:
    transfers = transfers_of(settings(tmp_path, 'rate = "100 KiB/s"'))
    first, second = transfers.pacing, transfers.pacing
    first.came(100 * 1024, asked=0.0)
    second.came(100 * 1024, asked=0.0)
    assert transfers.throttle is not None
    assert transfers.throttle.owed(0.0) == 2.0
    assert first.piece(10**6) == 25 * 1024
    assert first.ahead == 50 * 1024


def test_connections_take_in_what_the_faster_of_two_rates_allows(tmp_path: Path) -> None:
    bounds = settings(tmp_path, f'rate = "100 KiB/s"\nrate_in_window = "1 MiB/s"\n{WINDOW}')
    assert transfers_of(bounds).pacing.ahead == 512 * 1024


def test_the_rate_changes_when_windows_open_and_close() -> None:
    clock = FakeClock(NOON)
    schedule = Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),))
    rate = WindowRate(100.0, 900.0, schedule, clock)
    found = {}
    for hour, minute in ((1, 59), (2, 0), (3, 59), (4, 0), (1, 0)):
        clock.set(NOON.replace(hour=hour, minute=minute, second=30))
        found[hour, minute] = rate(), rate()
    assert found == {
        (1, 59): (100.0, 100.0),
        (2, 0): (900.0, 900.0),
        (3, 59): (900.0, 900.0),
        (4, 0): (100.0, 100.0),
        (1, 0): (100.0, 100.0),
    }


@pytest.mark.parametrize(
    ("per", "name"),
    [("day", f"{HERE:%Y-%m-%d}"), ("month", f"{HERE:%Y-%m}"), ("window", "window 2026-03-02T02:00:00Z")],
)
def test_what_comes_is_counted_in_its_period(tmp_path: Path, per: str, name: str) -> None:
    bounds = settings(tmp_path, f'budget = "1 GiB"\nbudget_per = "{per}"\n{WINDOW}')
    journal, transfers = FakeJournal(), transfers_of(bounds)
    account = account_of(bounds, journal, lambda: NOON)
    assert account is not None
    transfers.counter.tell(account)
    transfers.pacing.came(700, 0.0)
    account.settle()
    assert journal.fetched(name) == 700
    assert rules_of(bounds).watch_downloads


def test_the_administrators_file_is_looked_for(tmp_path: Path) -> None:
    bounds = settings(tmp_path, f'metered = "wait"\nmetered_file = "{tmp_path / "metered"}"\noverride = []')
    network = network_of(bounds)
    assert network is not None
    (tmp_path / "metered").write_text("roaming")
    assert network.metered() == f"{tmp_path / 'metered'} says that the network is metered: roaming"
    assert rules_of(bounds).watch_downloads
    assert manners_of(bounds).download_override == frozenset()
