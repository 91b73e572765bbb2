"""Durations and foreign text for a terminal. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.harmless import harmless

if TYPE_CHECKING:
    from datetime import datetime, timedelta

WORDS: Final = 300
"""Characters of a text from outside that are looked at: nobody reads more of it on a screen."""

_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def plain(text: str, most: int = WORDS) -> str:
    """Text from outside on one line, which cannot drive a terminal."""
    return harmless(text, most)


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


def distance(moment: datetime, now: datetime) -> str:
    """How far a moment is from now: `in 3h10m`, `4m10s ago`."""
    return f"in {span(moment - now)}" if moment > now else f"{span(now - moment)} ago"
