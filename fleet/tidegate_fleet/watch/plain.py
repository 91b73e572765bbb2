"""Words for a terminal: short, and the same everywhere. PURE."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from tidegate_fleet.harmless import harmless

WORDS: Final = 300
"""Characters of a text from outside that are looked at: nobody reads more of it on a screen."""

_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_DIGEST_DIGITS: Final = 12


def plain(text: str, most: int = WORDS) -> str:
    """Text from outside on one line, which cannot drive a terminal."""
    return harmless(text, most)


def count(number: int) -> str:
    """A number with its thousands apart: `12,345`."""
    return f"{number:,}"


def hosts(number: int) -> str:
    """`1 host`, `12,345 hosts`."""
    return f"{count(number)} host{'' if number == 1 else 's'}"


def percent(part: int, whole: int) -> str:
    """A share: `24.7 %`. Only all of it is 100, and only none of it is 0."""
    if not whole or part in {0, whole}:
        return "100 %" if whole and part == whole else "0 %"
    return f"{min(99.9, max(0.1, 100 * part / whole)):.1f} %"


def span(duration: timedelta) -> str:
    """A duration with its two largest units: `13d23h`, `4m10s`."""
    left = max(0, round(duration.total_seconds()))
    parts: list[str] = []
    for unit, size in _UNITS:
        number, left = divmod(left, size)
        if number or parts:
            parts.append(f"{number}{unit}")
        if len(parts) == 2:  # noqa: PLR2004 -- the two largest
            break
    return "".join(part for part in parts if not part.startswith("0")) or "0s"


def clock(moment: datetime, now: datetime) -> str:
    """A moment in UTC: `12:03:04Z`, with its date when that is another day."""
    moment = moment.astimezone(UTC)
    form = "%H:%M:%SZ" if moment.date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%MZ"
    return moment.strftime(form)


def distance(moment: datetime, now: datetime) -> str:
    """How far a moment is from now: `in 3h10m`, `4m10s ago`."""
    return f"in {span(moment - now)}" if moment > now else f"{span(now - moment)} ago"


def short_digest(digest: str) -> str:
    """The head of a digest, which tells images apart for people: `sha256:0123456789ab`."""
    kind, _, value = digest.partition(":")
    return plain(f"{kind}:{value[:_DIGEST_DIGITS]}")
