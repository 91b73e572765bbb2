"""A row of the listing: one host in one channel. PURE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tidegate_fleet.hosts import Channel
from tidegate_fleet.leading import in_full, waits_for_budget
from tidegate_fleet.listing.drift import Drift, drift_of
from tidegate_fleet.progress import phase_in
from tidegate_fleet.standing import Phase, told_by_status
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Wave, cohort, wave_at

if TYPE_CHECKING:
    from tidegate_fleet.announced import Announced
    from tidegate_fleet.hosts import Host
    from tidegate_schemas.rollout import Rollout
    from tidegate_schemas.statement import ChannelStatement
    from tidegate_schemas.status import FollowStatus, HostStatus


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
        phase: how far it is with the release that the channel holds, or with its last one where none is
            believed. None for one that the release is not meant for.
        state: of its status: `idle`, `staged`, … as in docs/protocol.md; None when it told none.
        wave: to which it belongs, as the statement has it now.
        waits_for_budget: whether its wave is open, and widens only as a budget allows.
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
    phase: Phase | None = None
    state: str | None = None
    wave: Wave | None = None
    waits_for_budget: bool = False
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


def left_its_name_alone(host: Host) -> bool:
    """Whether nothing is known of a host but that it was there: it left a last will that tells no more."""
    status = host.status
    return status is None or not (status.follows or status.labels or host.online)


def rows_of(host: Host, announced: Mapping[Channel, Announced]) -> tuple[Row, ...]:
    """A row for each channel that a host follows; one without a channel when it follows none."""
    status = host.status
    if status is None or left_its_name_alone(host):
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
        state="idle" if host.online else None,
        fault="" if fault is None else f"[{fault.code}] {fault.reason}",
        warnings=() if trust is None else _trust_words(trust.code, trust.reason, trust.warnings),
        events_dropped=status.events_dropped,
        begun_anew=host.begun_anew,
    )
    if follow is None:
        return row
    drift = drift_of(host, follow, announced)
    statement = None if announced is None else announced.statement
    row = replace(
        row,
        channel=(follow.product, follow.channel),
        phase=None if drift is Drift.NOT_MEANT else _phase(status, follow, statement),
        state=follow.state,
        drift=drift,
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
    return row if statement is None else _seated(row, statement.predicate.rollout)


def _phase(status: HostStatus, follow: FollowStatus, statement: ChannelStatement | None) -> Phase | None:
    standing = told_by_status(status, follow, status.at)
    if statement is None:
        return None if standing is None else standing.phase
    return phase_in(statement, standing)


def _seated(row: Row, rollout: Rollout) -> Row:
    if not rollout.waves:
        return row
    place = cohort(rollout.seed, row.host)
    found = wave_at(in_full(rollout), place, row.labels)
    if found is None:
        return row
    wave = next(one for one in rollout.waves if one.name == found.name)
    return replace(row, wave=wave, waits_for_budget=waits_for_budget(rollout, place, row.labels))


def _trust_words(code: Code | None, reason: str, warnings: tuple[str, ...]) -> tuple[str, ...]:
    return warnings if code is None else (f"[{code}] {reason}", *warnings)
