"""The system's clocks: the time of day, which anybody may set, and the time since the boot."""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime, timedelta
from typing import Final

SURE: Final = 16_000_000
"""The kernel's word for not knowing: the largest error that it states, in microseconds (adjtimex(2))."""

_MAXERROR: Final = 3
_WORDS: Final = 128


class SystemClock:
    """ports.Clock by the kernel's clocks."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> timedelta:
        """The time since the boot, suspended or not (CLOCK_BOOTTIME, clock_gettime(2))."""
        return timedelta(microseconds=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000)

    def synchronised(self) -> bool:
        """Whether the kernel was told how far the time of day may be off, by whatever keeps it.

        As systemd judges it: by the error and not by STA_UNSYNC, which some set to keep the kernel from
        writing the hardware clock. Setting the clock by hand takes the word back. Needs no rights.
        """
        # `struct timex` begins with `modes`, padded to a word, and the words offset, freq and maxerror;
        # with no modes it is only filled in. It is much smaller than this.
        words = (ctypes.c_long * _WORDS)()
        try:
            asked = ctypes.CDLL(None).adjtimex(ctypes.byref(words))
        except (AttributeError, OSError):
            return False
        return asked != -1 and 0 <= words[_MAXERROR] < SURE
