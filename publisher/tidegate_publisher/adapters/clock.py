"""The system's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

_SINCE_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Where there is one, a clock that goes on while the machine sleeps (clock_gettime(2))."""


class SystemClock:
    """See ports.Clock."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> timedelta:
        """See rollout.ports.LongClock.elapsed."""
        return timedelta(seconds=time.clock_gettime(_SINCE_BOOT))
