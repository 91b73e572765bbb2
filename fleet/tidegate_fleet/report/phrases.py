"""Numbers, spans and names in words, for page and summary. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_UNITS: Final = ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "min"), (_MINUTE, "min", 1, "s"))
_FINE: Final = 10
THIN: Final = "\N{NARROW NO-BREAK SPACE}"
"""Between a number and its unit, and between thousands: never broken over two lines."""

AWAITED: Final = {
    "statement": "a fresh statement",
    "hold": "a hold to end",
    "wave": "their wave",
    "turn": "another update on the host",
    "metered": "an unmetered network",
    "budget": "the download budget",
    "approval": "a person's approval",
    "snooze": "the hour it was put off to",
    "window": "a maintenance window",
    "clock": "a synchronised clock",
    "inhibitor": "an inhibitor to end",
    "sessions": "people who were logged in",
    "lock": "the fleet's lock",
    "retry": "another try to fetch",
    "other": "something that tidegate does not know",
}
"""What hosts wait for, in words for operators."""


def number(value: float) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,.0f}".replace(",", THIN)


def plain_spaces(text: str) -> str:
    """The text for places where spaces of other widths are strangers: terminals, Markdown."""
    return text.replace(THIN, " ")


def share(part: float, whole: float) -> str:
    """A part as per cent: never 0 % of something, never 100 % of less than all."""
    if not whole:
        return "\N{EN DASH}"
    percent = 100 * part / whole
    shown = f"{percent:.1f}" if percent < _FINE or part != whole else f"{percent:.0f}"
    if part and shown == "0.0":
        shown = "<0.1"
    elif part < whole and shown == "100.0":
        shown = ">99.9"
    return f"{shown.removesuffix('.0')}{THIN}%"


def amount(seconds: float) -> str:
    """A span in its two largest units: `1 h 5 min`, `48 s`."""
    if seconds < _FINE:
        return f"{seconds:.1f}".removesuffix(".0") + f"{THIN}s"
    whole = round(seconds)
    for unit, word, part, smaller in _UNITS:
        if whole >= unit:
            rest = whole % unit // part
            return f"{whole // unit}{THIN}{word}" + (f" {rest}{THIN}{smaller}" if rest else "")
    return f"{whole}{THIN}s"


def moment(when: datetime) -> str:
    """A moment in UTC, to the second."""
    return f"{when:%Y-%m-%d %H:%M:%S}"


def wave_name(name: str) -> str:
    """A wave's name; hosts that none takes in, and those of a release without waves, have none."""
    return name or "no wave"


def awaited(reason: str) -> str:
    """What a host waits for, in words."""
    return AWAITED.get(reason, AWAITED["other"])
