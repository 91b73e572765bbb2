"""Numbers, shares and digests in words: the same in the listing, in the live view and on the page. PURE."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from tidegate_fleet.harmless import harmless

_DIGITS: Final = 12


def count(number: float) -> str:
    """A number with its thousands apart: `12,345`."""
    return f"{number:,}"


def hosts(number: int) -> str:
    """`1 host`, `12,345 hosts`."""
    return f"{count(number)} host{'' if number == 1 else 's'}"


def percent(part: float, whole: float) -> str:
    """A share: `24.7 %`. Only all of it is 100 %, and only none of it is 0 %."""
    if not whole or part <= 0:
        return "0 %"
    if part >= whole:
        return "100 %"
    return f"{min(99.9, max(0.1, 100 * part / whole)):.1f} %"


def short_digest(digest: str) -> str:
    """The head of a digest, which tells images apart for people: `sha256:0123456789ab`."""
    kind, _, value = digest.partition(":")
    return harmless(f"{kind}:{value[:_DIGITS]}")


def clock(moment: datetime, now: datetime) -> str:
    """A moment in UTC: `12:03:04Z`; on another day than now `2026-03-02T12:03:04Z`."""
    moment = moment.astimezone(UTC)
    form = "%H:%M:%SZ" if moment.date() == now.astimezone(UTC).date() else "%Y-%m-%dT%H:%M:%SZ"
    return moment.strftime(form)
