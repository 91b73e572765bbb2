"""Durations as people write them: `14d`, `1d12h`, `90s`, or ISO 8601 (`P14D`, `PT12H`); and moments."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

FORMS: Final = "a duration such as 14d, 12h, 1d12h or the ISO 8601 form P14D"
_UNITS: Final = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
_SHORT: Final = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,9}}){unit})?" for unit in _UNITS))
# Months and years are left out: they have no fixed length.
_ISO: Final = re.compile(
    r"P(?:(?P<w>[0-9]{1,9})W)?(?:(?P<d>[0-9]{1,9})D)?"
    r"(?:T(?=[0-9])(?:(?P<h>[0-9]{1,9})H)?(?:(?P<m>[0-9]{1,9})M)?(?:(?P<s>[0-9]{1,9})S)?)?"
)
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
LONGEST: Final = timedelta(days=3660)


def parse_duration(text: str, *, units: str = "sm") -> timedelta:
    """Read a duration, positive and at most ten years.

    Args:
        text: the duration.
        units: those that a number without any was probably meant in.

    Raises:
        ValueError: the text is no such duration; the message says what was expected.
    """
    matched = _ISO.fullmatch(text) or _SHORT.fullmatch(text)
    counts = {unit: value for unit, value in matched.groupdict().items() if value} if matched else {}
    if not counts and _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration: {' or '.join(text + unit for unit in units)}?")
    if not counts:
        raise ValueError(f"{text[:40]!r} is not {FORMS}")
    seconds = sum(int(value) * _UNITS[unit] for unit, value in counts.items())
    if not 0 < seconds <= LONGEST.total_seconds():
        raise ValueError(f"{text[:40]!r} is not between one second and ten years")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """A duration in the short form, to the second, with the two largest units: `13d23h`."""
    left = max(0, round(duration.total_seconds()))
    parts: list[str] = []
    for unit, size in _UNITS.items():
        if unit == "w":
            continue
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"


def format_moment(moment: datetime) -> str:
    """A moment for people, in UTC and to the second: `2026-11-23T13:50:33Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
