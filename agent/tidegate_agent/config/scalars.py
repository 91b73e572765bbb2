"""Types of single values in the configuration, and how a person writes them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator
from pydantic_core import PydanticCustomError

from tidegate_schemas.codes import Code
from tidegate_wire.trust.root import PUBLIC_GOOD

_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PLAIN: Final = re.compile(r"(?=\d)(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
_ISO: Final = re.compile(
    r"P(?=\d|T\d)(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?", re.ASCII
)

_TCP: Final = re.compile(r"(?:\[[0-9A-Fa-f:.%]{2,64}\]|[A-Za-z0-9._-]{1,253}):(\d{1,5})", re.ASCII)
_LAST_PORT: Final = 65535
_UNIT: Final = re.compile(
    r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,240}"
    r"[.](service|socket|device|mount|automount|swap|target|path|timer|slice|scope)",
    re.ASCII,
)
"""systemd.unit(5). What begins with a dash would be an option."""

NO_ROOT: Final = "none"
"""In place of a trusted root, on hosts that trust key pairs only."""

_ZONE: Final = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", re.ASCII)


def refused(code: Code, reason: str) -> PydanticCustomError:
    """An error that pydantic collects with those of other fields, under a code of the registry."""
    # pydantic takes the reason as a template; braces in a person's text must not reach it.
    return PydanticCustomError(code.value, "{reason}", {"reason": reason})


def parse_duration(text: str) -> timedelta:
    """Read `2h`, `90m`, `1h30m`, `45s`, `1d` or the ISO 8601 forms `PT2H`, `P1DT30M`.

    Raises:
        ValueError: for anything else.
    """
    matched = _PLAIN.fullmatch(text.strip()) or _ISO.fullmatch(text.strip().upper())
    if matched is None:
        raise ValueError(f"{text!r} is not a duration")
    days, hours, minutes, seconds = (int(part or 0) for part in matched.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """A duration as `parse_duration` reads it, in whole units; fractions of a second are dropped."""
    left = int(duration.total_seconds())
    words = []
    for unit, name in _UNITS.items():
        count, left = divmod(left, int(timedelta(**{name: 1}).total_seconds()))
        if count:
            words.append(f"{count}{unit}")
    return "".join(words) or "0s"


def _duration(value: object) -> timedelta:
    try:
        if isinstance(value, timedelta):
            return value
        if isinstance(value, str):
            return parse_duration(value)
    except ValueError:
        pass
    raise refused(Code.CONFIG_VALUE, 'expected a duration such as "90m", "1h30m", "45s" or "PT2H"')


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise refused(Code.CONFIG_VALUE, "expected a duration longer than nothing")
    return value


def named_zone(name: str) -> ZoneInfo | None:
    """The zone of this name in tzdata, if there is one."""
    # Asking for the list of names would open every file of tzdata. The pattern leaves out right/, which
    # counts leap seconds, and whatever else lies there and is no zone.
    if _ZONE.fullmatch(name) is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    if isinstance(value, str) and (zone := named_zone(value)) is not None:
        return zone
    near = get_close_matches(str(value), available_timezones(), n=1)
    hint = f", perhaps {near[0]!r}" if near else ""
    raise refused(Code.CONFIG_VALUE, f'expected an IANA time zone such as "Europe/Berlin"{hint}')


def _day_or_moment(value: object) -> date:
    if isinstance(value, date):
        return value
    raise refused(
        Code.CONFIG_VALUE, "expected a TOML date or date-time, such as 2026-12-24 or 2026-12-24T18:00:00"
    )


def _absolute(value: Path) -> Path:
    if not value.is_absolute():
        raise refused(Code.CONFIG_VALUE, "expected an absolute path")
    return value


def _tcp(value: str) -> str:
    matched = _TCP.fullmatch(value)
    if matched is None or not 0 < int(matched[1]) <= _LAST_PORT:
        raise refused(
            Code.CONFIG_VALUE, 'expected a host and a port such as "localhost:5432" or "[::1]:5432"'
        )
    return value


def _unit(value: str) -> str:
    if _UNIT.fullmatch(value) is None:
        raise refused(Code.CONFIG_VALUE, 'expected a unit\'s whole name such as "sshd.service"')
    return value


def _unit_pattern(value: str) -> str:
    return value if value == "*" else _unit(value.replace("*", "_")) and value


def _program(value: tuple[str, ...]) -> tuple[str, ...]:
    if any("\0" in word for word in value):
        raise refused(Code.CONFIG_VALUE, "expected words without NUL characters")
    return value


Pause = Annotated[timedelta, BeforeValidator(_duration)]
"""A stretch of elapsed time, or nothing: "0s"."""

Duration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive)]
"""A stretch of elapsed time, longer than nothing."""

Zone = Annotated[ZoneInfo, PlainValidator(_zone)]
"""An IANA time zone."""

DayOrMoment = Annotated[Any, PlainValidator(_day_or_moment)]
"""A TOML date or date-time; one without an offset is in the time zone named beside it."""

File = Annotated[Path, Field(strict=False), AfterValidator(_absolute)]
"""An absolute path. A daemon has no working directory that a person could rely on."""


def _root(value: object) -> Path | str:
    if isinstance(value, str) and value in {PUBLIC_GOOD, NO_ROOT}:
        return value
    if isinstance(value, str | Path) and Path(value).is_absolute():
        return Path(value)
    raise refused(Code.CONFIG_VALUE, f'expected an absolute path, "{PUBLIC_GOOD}" or "{NO_ROOT}"')


RootPlace = Annotated[Path | str, PlainValidator(_root)]
"""Where a trusted root is: an absolute path, or the word for the one that comes with the sigstore package, or
the word for none at all."""

Argv = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_program)]
"""A program and its arguments, each a word of its own; no shell reads them."""

Names = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of names."""

TcpPort = Annotated[str, AfterValidator(_tcp)]
"""A host and a port, as "localhost:5432" or "[::1]:5432"."""

Unit = Annotated[str, AfterValidator(_unit)]
"""The whole name of a unit of systemd."""

UnitPattern = Annotated[str, AfterValidator(_unit_pattern)]
"""The name of a unit in which "*" stands for any text."""
