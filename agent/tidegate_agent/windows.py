"""Maintenance windows: when this host may change. Pure arithmetic; `now` is always a parameter.

- Openings that overlap or adjoin are one; blackouts cut them, beginning included, end excluded.
- No window at all means always open, but for blackouts.
- How a cron expression meets a change of clocks is `recurrence`'s rule.

All moments that go in are aware, in any zone; all that come out are in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tidegate_agent.errors import ConfigError
from tidegate_agent.recurrence import Window
from tidegate_schemas.codes import Code

__all__ = ["CLOSE_HORIZON", "OPEN_HORIZON", "Blackout", "Opening", "Schedule", "Window"]

OPEN_HORIZON: Final = timedelta(days=366)
"""How far ahead an opening is looked for: every day of a leap year."""

CLOSE_HORIZON: Final = timedelta(days=8)
"""How far ahead a closing is looked for: longer than any one window may be."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One stretch in which the host may change. `closes` is None when no end is in sight (CLOSE_HORIZON)."""

    opens: datetime
    closes: datetime | None


@dataclass(frozen=True, slots=True)
class Blackout:
    """A stretch in which nothing opens: `start` included, `end` excluded; both aware.

    Raises:
        ConfigError: CONFIG_VALUE when the end is not after the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end <= self.start:
            raise ConfigError(
                Code.CONFIG_VALUE,
                f"The blackout ends at {self.end.isoformat()}; expected a time after its start, "
                f"{self.start.isoformat()}.",
            )


@dataclass(frozen=True, slots=True)
class Schedule:
    """All windows and blackouts of a host."""

    windows: tuple[Window, ...] = ()
    blackouts: tuple[Blackout, ...] = ()

    def is_open(self, now: datetime) -> bool:
        """Whether the host may change at this moment."""
        moment = now.astimezone(UTC)
        return self._blackout_end(moment) is None and self._covered_until(moment) > moment

    def next_open(self, now: datetime) -> datetime | None:
        """`now` while it is open, else the next moment that is; None when never within OPEN_HORIZON."""
        moment: datetime | None = now.astimezone(UTC)
        limit = now.astimezone(UTC) + OPEN_HORIZON
        while moment is not None and moment <= limit:
            if (end := self._blackout_end(moment)) is not None:
                moment = end
            elif self._covered_until(moment) > moment:
                return moment
            else:
                openings = (window.next_opening(moment) for window in self.windows)
                moment = min((opening for opening in openings if opening is not None), default=None)
        return None

    def closes_at(self, now: datetime) -> datetime | None:
        """The end of the opening that `now` is in; None when closed, or open throughout CLOSE_HORIZON."""
        if not self.is_open(now):
            return None
        return self._end(now, CLOSE_HORIZON)

    def fits(self, now: datetime, expected: timedelta) -> bool:
        """Whether it is open now and stays so for `expected`, which may end at the closing itself."""
        return self.is_open(now) and self._end(now, expected) is None

    def upcoming(self, now: datetime, count: int) -> list[Opening]:
        """Up to `count` openings in order; the first begins at `now` if it is open."""
        openings: list[Opening] = []
        moment: datetime | None = now
        while moment is not None and len(openings) < count:
            opens = self.next_open(moment)
            if opens is None:
                break
            moment = self.closes_at(opens)
            openings.append(Opening(opens, moment))
        return openings

    def require_opening(self, now: datetime) -> None:
        """Refuse a schedule that never opens.

        Raises:
            ConfigError: WINDOW_NEVER_OPENS when nothing opens within OPEN_HORIZON.
        """
        if self.next_open(now) is None:
            raise ConfigError(
                Code.WINDOW_NEVER_OPENS,
                f"No maintenance window opens within {OPEN_HORIZON.days} days of {now.isoformat()}.",
            )

    def _end(self, now: datetime, within: timedelta) -> datetime | None:
        """The end of the opening that `now` is in, if it comes before `now + within`."""
        moment = now.astimezone(UTC)
        limit = moment + within
        while moment < limit and (end := self._covered_until(moment)) > moment:
            moment = end
        begun = now.astimezone(UTC)
        moment = min(moment, *(each.start for each in self.blackouts if each.start > begun), limit)
        return moment if moment < limit else None

    def _covered_until(self, moment: datetime) -> datetime:
        """How far the windows that have opened by `moment` reach, or `moment`. Blackouts apart."""
        if not self.windows:
            return datetime.max.replace(tzinfo=UTC)
        openings = ((window.last_opening(moment), window.duration) for window in self.windows)
        ends = (opening + duration for opening, duration in openings if opening is not None)
        return max((moment, *ends))

    def _blackout_end(self, moment: datetime) -> datetime | None:
        """The latest end among the blackouts that `moment` is in."""
        ends = (blackout.end for blackout in self.blackouts if blackout.start <= moment < blackout.end)
        return max(ends, default=None)
