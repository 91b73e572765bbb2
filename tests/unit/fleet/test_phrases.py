"""Numbers, shares, digests and moments in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.fleets import at
from tidegate_fleet.phrases import clock, count, hosts, percent, short_digest


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (0, 0, "0 %"),
        (0, 9, "0 %"),
        (9, 9, "100 %"),
        (1, 50_000, "0.1 %"),
        (49_999, 50_000, "99.9 %"),
        (1, 3, "33.3 %"),
    ],
)
def test_only_all_is_100_percent(part: int, whole: int, told: str) -> None:
    assert percent(part, whole) == told


def test_numbers_have_their_thousands_apart() -> None:
    assert (count(50_000), hosts(1), hosts(12_345)) == ("50,000", "1 host", "12,345 hosts")


def test_moments_are_utc_to_the_second_with_their_date_on_another_day() -> None:
    odd = timedelta(microseconds=662616)
    assert clock(at(5) + odd, at(60)) == "12:00:05Z"
    assert clock(at(5 - 86400) + odd, at(60)) == "2026-03-01T12:00:05Z"


def test_digests_are_short_and_drive_no_terminal() -> None:
    assert short_digest("sha256:" + "a" * 64) == "sha256:aaaaaaaaaaaa"
    assert short_digest("sha256:\x1b[2J" + "a" * 64) == "sha256:\ufffd[2Jaaaaaaaa"
