"""Maintenance windows and blackouts, as a person writes them."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Final, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from tidegate_agent.config.scalars import DayOrMoment, Duration, Zone, refused
from tidegate_agent.config.tables import Table
from tidegate_agent.errors import ConfigError
from tidegate_agent.windows import Blackout, Window

_ANY_ZONE: Final = ZoneInfo("UTC")


class WindowSettings(Table):
    """A maintenance window. Without any, updates are activated at any time.

    Attributes:
        cron: minute, hour, day of month, month, day of week.
        duration: how long it stays open, in elapsed time: one minute to seven days.
        timezone: the zone whose wall clock `cron` names; the host's when absent.
    """

    cron: str
    duration: Duration
    timezone: Zone | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        try:
            self.window(_ANY_ZONE)
        except ConfigError as error:
            raise refused(error.code, error.reason) from error
        return self

    def window(self, host_zone: ZoneInfo) -> Window:
        """The window on a host in this zone."""
        return Window(self.cron, self.duration, self.timezone or host_zone)


class BlackoutSettings(Table):
    """A stretch in which nothing is activated, whatever the windows say.

    Attributes:
        from: its beginning; a date means its midnight.
        until: its end, no longer part of it; a date means its midnight.
        timezone: the zone of dates and of times without an offset; the host's when absent.
    """

    start: DayOrMoment = Field(alias="from")
    until: DayOrMoment
    timezone: Zone | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        try:
            self.blackout(_ANY_ZONE)
        except ConfigError as error:
            raise refused(error.code, error.reason) from error
        return self

    def blackout(self, host_zone: ZoneInfo) -> Blackout:
        """The blackout on a host in this zone: where a change of clocks leaves a choice, the longer one."""
        zone = self.timezone or host_zone
        return Blackout(min(_readings(self.start, zone)), max(_readings(self.until, zone)))


def _readings(value: date, zone: ZoneInfo) -> list[datetime]:
    """What a date or time can mean: one moment, or two where the clocks change."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    if moment.tzinfo is not None:
        return [moment]
    # Two times of one zone compare as wall times; in another they compare as moments.
    return [moment.replace(tzinfo=zone, fold=fold).astimezone(_ANY_ZONE) for fold in (0, 1)]
