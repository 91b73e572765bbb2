"""A row of the listing: one host in one channel. PURE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tidegate_fleet.hosts import Channel
from tidegate_fleet.listing.drift import Drift, drift_of
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_fleet.announced import Announced
    from tidegate_fleet.hosts import Host
    from tidegate_schemas.status import FollowStatus

GONE = "gone"
"""The state of a host of which only a last will is known."""


@dataclass(frozen=True, slots=True)
class Row:
    """One host in one channel, by its own words.

    Attributes:
        host: its id.
        online: whether it is connected.
        at: when it said so, by its clock; None when only a last will is known.
        channel: which; None for a host that follows none, or told none.
        labels: its labels.
        agent: the version of its agent.
        state: of the update: `idle`, `waiting`, … as in docs/protocol.md.
        drift: how it stands to what the channel holds; None without a channel.
        current: the digest that it runs.
        version: of that, for people.
        sequence: the newest statement that it accepted.
        waiting_for: what it waits for.
        until: until when, if it knows.
        code: why the update failed.
        reason: the same, or why it waits, in words.
        quarantined: digests that it never tries again.
        stale_since: when the newest statement that it has expired.
        refused: messages of the channel that it refused since its agent started.
        fault: why it acts upon nothing, in words; empty otherwise.
        warnings: what a person has to do about its trusted root.
        events_dropped: events that it gave up, because too many waited.
        begun_anew: how often its counts began again while it was listened to.
    """

    host: str
    online: bool
    at: datetime | None
    channel: Channel | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    agent: str | None = None
    state: str = GONE
    drift: Drift | None = None
    current: str | None = None
    version: str | None = None
    sequence: int | None = None
    waiting_for: str | None = None
    until: datetime | None = None
    code: Code | None = None
    reason: str = ""
    quarantined: tuple[str, ...] = ()
    stale_since: datetime | None = None
    refused: int = 0
    fault: str = ""
    warnings: tuple[str, ...] = ()
    events_dropped: int = 0
    begun_anew: int = 0

    @property
    def troubled(self) -> bool:
        """Whether something is wrong with the host that is not about a release."""
        return bool(self.fault or self.warnings or self.events_dropped or self.begun_anew or self.stale_since)


def rows_of(host: Host, announced: Mapping[Channel, Announced]) -> tuple[Row, ...]:
    """A row for each channel that a host follows; one without a channel when it follows none."""
    status = host.status
    if status is None or not (status.follows or host.online):
        return (Row(host.name, host.online, at=None, begun_anew=host.begun_anew),)
    if not status.follows:
        return (_row(host, None, None),)
    return tuple(
        _row(host, follow, announced.get((follow.product, follow.channel))) for follow in status.follows
    )


def _row(host: Host, follow: FollowStatus | None, announced: Announced | None) -> Row:
    status = host.status
    if status is None:
        raise AssertionError
    fault, trust = status.fault, status.trust
    row = Row(
        host=host.name,
        online=host.online,
        at=status.at,
        labels=host.labels,
        agent=None if status.inventory is None else status.inventory.agent,
        state="idle",
        fault="" if fault is None else f"[{fault.code}] {fault.reason}",
        warnings=() if trust is None else _trust_words(trust.code, trust.reason, trust.warnings),
        events_dropped=status.events_dropped,
        begun_anew=host.begun_anew,
    )
    if follow is None:
        return row
    return replace(
        row,
        channel=(follow.product, follow.channel),
        state=follow.state,
        drift=drift_of(host, follow, announced),
        current=follow.current,
        version=follow.version,
        sequence=follow.sequence,
        waiting_for=follow.waiting_for,
        until=follow.until,
        code=follow.code,
        reason=follow.hold or follow.reason,
        quarantined=follow.quarantined,
        stale_since=follow.stale_since,
        refused=follow.refused,
    )


def _trust_words(code: Code | None, reason: str, warnings: tuple[str, ...]) -> tuple[str, ...]:
    return warnings if code is None else (f"[{code}] {reason}", *warnings)
