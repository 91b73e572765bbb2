"""When a maintenance window opens: a cron expression placed in real time. Pure.

- The expression names wall-clock minutes in the window's zone, and each of them opens once. A window stays
  open for `duration` of elapsed time, not wall time: two hours are two hours when the clocks change, too.
- A wall-clock minute that a change of clocks skips opens at the first moment that exists after it.
- A wall-clock minute that happens twice opens the first time only, whatever the expression.

cronsim's own treatment differs with where an asterisk stands and drops skipped minutes under one. So it is
given naive times, and `_first_moment` alone places them in real time (PEP 495). Elapsed time is only ever
reckoned in UTC: two aware datetimes of one zone compare and subtract as wall times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

DURATION_MINIMUM: Final = timedelta(minutes=1)
DURATION_MAXIMUM: Final = timedelta(days=7)

_CRON_CHARACTERS: Final = 256
_FIELDS: Final = (
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of month", "1-31, L (the last) or LW (the last weekday)"),
    ("month", "1-12 or JAN-DEC"),
    (
        "day of week",
        "0-7 (0 and 7 are Sunday) or SUN-SAT, MON#2 for the second Monday, 5L for the last Friday",
    ),
)


@dataclass(frozen=True, slots=True)
class Window:
    """A recurring opening.

    Args:
        cron: five fields: minute, hour, day of month, month, day of week (Debian's cron, and L, LW, #).
        duration: elapsed time from each opening, one minute to seven days.
        zone: the zone whose wall clock the expression names.

    Raises:
        ConfigError: CONFIG_VALUE, or WINDOW_NEVER_OPENS for a date that no year has.
    """

    cron: str
    duration: timedelta
    zone: ZoneInfo

    def __post_init__(self) -> None:
        _check_cron(self.cron)
        if not DURATION_MINIMUM <= self.duration <= DURATION_MAXIMUM:
            raise ConfigError(
                Code.CONFIG_VALUE,
                f"The window's duration is {self.duration}; expected one minute to seven days.",
            )

    def last_opening(self, moment: datetime) -> datetime | None:
        """The latest opening at or before `moment`, if there is one."""
        local = moment.astimezone(self.zone)
        # In the second pass of a repeated hour, later wall times have already been opened in the first.
        repeated = (local.replace(fold=0).utcoffset() or timedelta()) - (local.utcoffset() or timedelta())
        start = local.replace(tzinfo=None, microsecond=0, fold=0) + repeated + timedelta(seconds=1)
        opened = (self._first_moment(wall) for wall in self._walls(start, reverse=True))
        return next((opening for opening in opened if opening <= moment), None)

    def next_opening(self, moment: datetime) -> datetime | None:
        """The earliest opening after `moment`, if there is one."""
        start = moment.astimezone(self.zone).replace(tzinfo=None, fold=0)
        opened = (self._first_moment(wall) for wall in self._walls(start, reverse=False))
        return next((opening for opening in opened if opening > moment), None)

    def _walls(self, start: datetime, *, reverse: bool) -> Iterator[datetime]:
        """Wall-clock times that the expression names, after `start` or before it, nearest first."""
        return iter(CronSim(self.cron, start, reverse=reverse))

    def _first_moment(self, wall: datetime) -> datetime:
        """The first moment at which the zone's wall clock shows `wall`, or passes it by."""
        after = wall.replace(tzinfo=self.zone).astimezone(UTC)
        if after.astimezone(self.zone).replace(tzinfo=None) == wall:
            return after
        # PEP 495: a skipped time means a moment after the change with fold=0, and one before it with fold=1.
        before = wall.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
        while after - before > timedelta(seconds=1):
            middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
            if middle.astimezone(self.zone).replace(tzinfo=None) < wall:
                before = middle
            else:
                after = middle
        return after


def _check_cron(cron: str) -> None:
    """Refuse an expression, naming the field that is wrong."""
    fields = cron.split()
    if len(cron) > _CRON_CHARACTERS or len(fields) != len(_FIELDS):
        raise ConfigError(
            Code.CONFIG_VALUE,
            f"The cron expression {cron[:_CRON_CHARACTERS]!r} has {len(fields)} fields; expected five: "
            'minute, hour, day of month, month, day of week, such as "0 2 * * SUN".',
        )
    for position, (name, expected) in enumerate(_FIELDS):
        alone = ["*"] * len(_FIELDS)
        alone[position] = fields[position]
        if not _understood(" ".join(alone)):
            raise ConfigError(
                Code.CONFIG_VALUE,
                f"In the cron expression {cron!r} the {name} is {fields[position]!r}; expected {expected}, "
                "*, or lists (1,2), steps (*/15) and ascending ranges (1-5) of them.",
            )
    if not _understood(cron):
        raise ConfigError(
            Code.WINDOW_NEVER_OPENS, f"The cron expression {cron!r} names a date that no year has."
        )


def _understood(cron: str) -> bool:
    """Whether cronsim takes the expression."""
    try:
        CronSim(cron, datetime(2000, 1, 1))  # noqa: DTZ001 # parsed only; naive times are this module's rule
    except CronSimError:
        return False
    return True
