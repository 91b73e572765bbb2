"""The periods that a budget is for: days and months of a time zone, maintenance windows. PURE.

A period's name is kept in the journal: whatever is done to the clock, what was fetched in a period counts in
that period.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING

from tidegate_schemas.base import rfc3339

if TYPE_CHECKING:
    from tidegate_agent.windows import Window


class Per(StrEnum):
    """What a budget is for."""

    DAY = "day"
    MONTH = "month"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time: from `begins` on, up to `ends`; None where there is no end in sight."""

    name: str
    begins: datetime
    ends: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.begins <= moment and (self.ends is None or moment < self.ends)


def period_at(now: datetime, per: Per, zone: tzinfo, windows: tuple[Window, ...] = ()) -> Period:
    """The period that a moment lies in.

    Args:
        now: the moment, aware.
        per: of which kind.
        zone: whose days and months count.
        windows: whose openings begin a period; blackouts do not matter.
    """
    if per is Per.WINDOW:
        return _window(now, windows)
    day = now.astimezone(zone).date()
    if per is Per.DAY:
        return Period(day.isoformat(), _midnight(day, zone), _midnight(day + timedelta(days=1), zone))
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(f"{first:%Y-%m}", _midnight(first, zone), _midnight(following, zone))


def _window(now: datetime, windows: tuple[Window, ...]) -> Period:
    opened = [at for each in windows if (at := each.last_opening(now)) is not None]
    opens = [at for each in windows if (at := each.next_opening(now)) is not None]
    begins = max(opened, default=datetime.min.replace(tzinfo=UTC))
    name = f"window {rfc3339(begins)}" if opened else "before the first window"
    return Period(name, begins, min(opens, default=None))


def _midnight(day: date, zone: tzinfo) -> datetime:
    """The first moment of a day; where the clocks skip midnight, the one after it (PEP 495, fold=0)."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
