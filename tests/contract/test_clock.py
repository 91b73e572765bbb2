"""ports.Clock on the system's clocks."""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime, timedelta

from tidegate_agent.adapters.clock_system import SystemClock


class Timex(ctypes.Structure):
    """The beginning of `struct timex` (adjtimex(2)), and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_char * 512),
    )


def test_it_shows_the_time_of_day_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_time_that_passes_is_that_since_the_boot_sleep_included() -> None:
    clock = SystemClock()
    before, told = time.clock_gettime(time.CLOCK_BOOTTIME), clock.elapsed()
    assert before - 0.001 <= told.total_seconds() <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert clock.elapsed() >= told


def test_whether_it_is_kept_in_step_is_the_kernels_word() -> None:
    words = Timex()
    assert ctypes.CDLL(None).adjtimex(ctypes.byref(words)) != -1
    assert SystemClock().synchronised() is (words.maxerror < 16_000_000)
