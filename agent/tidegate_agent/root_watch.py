"""When the trusted root in force ends, and what is to be said about it before it does. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_wire.trust.root import PinnedRoot, TrustedParty

RENEWED_BY_MACHINES: Final = frozenset({"timestamp", "snapshot"})
"""Roles of a TUF repository that are signed anew all the time, often for a day only."""

_FOR_EVER: Final = 9999  # the last year that can be reckoned with


@dataclass(frozen=True, slots=True)
class End:
    """Something of the root that ends.

    Attributes:
        what: it, in words.
        at: from when on it is of no use.
        by_people: whether somebody has to act; else it is renewed by itself, if all is well.
    """

    what: str
    at: datetime
    by_people: bool = True


@dataclass(frozen=True, slots=True)
class RootInForce:
    """The trusted root that statements are verified against.

    Attributes:
        origin: where it comes from, in words.
        digest: of its bytes, `sha256:` and hex.
        ends: what of it ends, in no order.
        refreshed_at: when a repository was last asked for it with success.
    """

    origin: str
    digest: str
    ends: tuple[End, ...] = ()
    refreshed_at: datetime | None = None

    @property
    def expires(self) -> datetime | None:
        """The first of its ends."""
        return min((end.at for end in self.ends), default=None)


def ends_of_keys(root: PinnedRoot, now: datetime) -> tuple[End, ...]:
    """From when on the root names nobody of a kind any more.

    A party that follows another without a gap takes its place; one without an end ends nothing. A root that
    never had a timestamp authority needs none.

    Args:
        root: whose keys.
        now: what is before does not matter.
    """
    kinds = {
        "certificate authority": root.certificate_authorities,
        "certificate transparency log": root.ctlogs,
        "transparency log": root.tlogs,
        "timestamp authority": root.timestamp_authorities,
    }
    needed = {kind: parties for kind, parties in kinds.items() if parties or kind != "timestamp authority"}
    ends = {f"its last {kind}": _covered_until(parties, now) for kind, parties in needed.items()}
    return tuple(End(what, at) for what, at in ends.items() if at is not None)


def _covered_until(parties: Iterable[TrustedParty], now: datetime) -> datetime | None:
    """The first moment from `now` on without a valid party, or when the last one ended; None is never."""
    windows = [party.window for party in parties]
    until = now
    while holding := [each for each in windows if each is None or each.holds(until)]:
        ends = [each.end for each in holding if each is not None and each.end is not None]
        if len(ends) < len(holding) or max(ends).year >= _FOR_EVER:
            return None
        # Both ends of a window belong to it.
        until = max(ends) + timedelta(microseconds=1)
    past = [each.end for each in windows if each is not None and each.end is not None and each.end < now]
    # A text with this in it must not change from one look to the next.
    nobody_yet = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return max(past, default=nobody_yet) if until == now else until


def ends_of_metadata(expires: Iterable[tuple[str, datetime]]) -> tuple[End, ...]:
    """When a TUF repository's metadata, by role, expires: from then on it brings no new root."""
    return tuple(
        End(f"the repository's {role}.json", at, by_people=role not in RENEWED_BY_MACHINES)
        for role, at in expires
    )


def warnings(
    root: RootInForce, now: datetime, warn_before: timedelta, every: timedelta | None
) -> tuple[str, ...]:
    """What a person should know by now, soonest first; the same text until something changes.

    What machines renew is told of only when it would have expired at the next refresh: a timestamp is often
    valid for a day only, and that is no news.

    Args:
        root: the root in force.
        now: the moment.
        warn_before: how long before an end that needs a person.
        every: the time between two refreshes, where there are any.
    """
    told = sorted((end for end in root.ends if end.at - now <= _notice(end, warn_before, every)), key=_order)
    return tuple(_sentence(root, end, now) for end in told)


def _notice(end: End, warn_before: timedelta, every: timedelta | None) -> timedelta:
    return warn_before if end.by_people or every is None else min(warn_before, every)


def _order(end: End) -> tuple[datetime, str]:
    return end.at, end.what


def _sentence(root: RootInForce, end: End, now: datetime) -> str:
    verb = "ended" if end.at <= now else "ends"
    return f"the trusted root {root.origin}: {end.what} {verb} at {end.at.astimezone(UTC):%Y-%m-%d %H:%MZ}"
