"""Numbers, moments and names as people read them: the filters of the templates. PURE."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

from tidegate_fleet.harmless import LABEL, REASON, harmless
from tidegate_fleet.phrases import short_digest

_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def shown(value: object) -> object:
    """What any expression of a template becomes, unless it is markup already: harmless text."""
    if isinstance(value, Markup):
        return value
    return "" if value is None else harmless(str(value), REASON)


def label(text: str | None) -> str:
    """A name or a version, cut where it gets too long for its place."""
    return harmless(text or "", LABEL)


def short(digest: str | None) -> str:
    """The head of a digest: enough to tell images apart."""
    return short_digest(digest or "")


def span(seconds: float) -> str:
    """A duration in its two largest units."""
    if seconds < 10:  # noqa: PLR2004 -- below that, tenths are of interest
        return f"{max(seconds, 0):.1f} s"
    left = round(seconds)
    parts = []
    for size, unit in _UNITS:
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2])


def when(moment: datetime | None, *, ago: bool = True) -> Markup:
    """A moment as an element; the script of the page turns it into how long ago that is, if it may."""
    if moment is None:
        return Markup("&ndash;")
    utc = moment.astimezone(UTC)
    stamp = utc.isoformat(timespec="seconds").replace("+00:00", "Z")
    form = Markup(  # noqa: S704 -- one of two constants
        '<time datetime="{}" data-ago>{}</time>' if ago else '<time datetime="{}">{}</time>'
    )
    return form.format(stamp, stamp)
