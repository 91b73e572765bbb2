"""How fast a release spreads, and when it may be through. PURE."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(minutes=10)
"""What came to an end in this time tells the speed: a fleet with windows and waves is never even."""

_LEAST: Final = timedelta(seconds=10)
_EVERY: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast hosts come to an end.

    Attributes:
        per_minute: hosts in a minute.
        remaining: hosts that may start and are not done.
        end: when these would be done at that speed; None when nothing moves, or nothing remains.
    """

    per_minute: float
    remaining: int
    end: datetime | None


class Pace:
    """Remembers how many hosts were done when."""

    def __init__(self) -> None:
        self._samples: deque[tuple[datetime, int]] = deque()

    def forget(self) -> None:
        """Begin anew: another image, or hosts counted that were done long ago."""
        self._samples.clear()

    def note(self, now: datetime, done: int) -> None:
        """So many hosts are done."""
        samples = self._samples
        if samples and (done < samples[-1][1] or now < samples[-1][0]):
            samples.clear()
        if not samples or now - samples[-1][0] >= _EVERY:
            samples.append((now, done))
        while len(samples) > 2 and now - samples[1][0] >= WINDOW:  # noqa: PLR2004 -- a speed has two ends
            samples.popleft()

    def speed(self, now: datetime, done: int, remaining: int) -> Speed | None:
        """The speed; None before there is one.

        Args:
            now: the present moment.
            done: hosts that are done now.
            remaining: hosts that may start and are not done.
        """
        if not self._samples or now - self._samples[0][0] < _LEAST:
            return None
        began, before = self._samples[0]
        per_minute = max(0, done - before) / ((now - began) / timedelta(minutes=1))
        left = timedelta(minutes=remaining / per_minute) if per_minute and remaining else None
        return Speed(per_minute, remaining, None if left is None or left > _LONGEST else now + left)
