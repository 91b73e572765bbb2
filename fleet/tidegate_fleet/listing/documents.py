"""The listing for machines: JSON documents, one a line. PURE.

`format` grows when a reader of the one before would be wrong; fields are added without that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tidegate_schemas.base import rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_fleet.announced import Announced
    from tidegate_fleet.hosts import Channel
    from tidegate_fleet.listing.register import Register
    from tidegate_fleet.listing.rows import Row

FORMAT: Final = 1
MOST: Final = 100
"""Digests and versions that are named, those of most hosts first."""


def fleet_document(register: Register, now: datetime, *, complete: bool) -> dict[str, Any]:
    """The sum of all rows; always the first line."""
    tally = register.tally
    return {
        "type": "fleet",
        "format": FORMAT,
        "at": rfc3339(now),
        "complete": complete,
        "known": register.known,
        "hosts": tally.hosts,
        "online": tally.online,
        "nameAlone": register.name_alone,
        "faults": tally.faults,
        "trustWarnings": tally.warned,
        "eventsDropped": tally.events_dropped,
        "begunAnew": tally.begun_anew,
        "quarantined": dict(tally.most_quarantined(MOST)),
        "passedOver": register.passed_over,
    }


def channel_document(register: Register, channel: Channel) -> dict[str, Any]:
    """One channel: what it holds, and how its hosts stand to that."""
    tally = register.tally.channels[channel]
    windows = tally.windows()
    return {
        "type": "channel",
        "product": channel[0],
        "channel": channel[1],
        "announced": _announced(register.announced.get(channel)),
        "hosts": tally.hosts,
        "drift": {drift.value: number for drift, number in sorted(tally.drifts.items())},
        "running": [
            {"digest": digest, "version": version, "hosts": number}
            for (digest, version), number in tally.running.most_common(MOST)
        ],
        "waits": dict(tally.waits.most_common(MOST)),
        "windows": None
        if windows is None
        else dict(zip(("first", "last"), map(rfc3339, windows), strict=True)),
        "stale": tally.stale,
        "refused": tally.refused,
    }


def row_document(row: Row) -> dict[str, Any]:
    """One host in one channel; what is not said is left out."""
    document = {
        "type": "host",
        "host": row.host,
        "online": row.online,
        "at": _moment(row.at),
        "product": row.channel and row.channel[0],
        "channel": row.channel and row.channel[1],
        "labels": dict(row.labels),
        "agent": row.agent,
        "phase": row.phase and row.phase.value,
        "state": row.state,
        "wave": row.wave and row.wave.name,
        "drift": row.drift and row.drift.value,
        "drifts": row.drift is not None and row.drift.drifts,
        "current": row.current,
        "version": row.version,
        "sequence": row.sequence,
        "waitingFor": row.waiting_for,
        "until": _moment(row.until),
        "code": row.code and row.code.value,
        "reason": row.reason or None,
        "quarantined": list(row.quarantined) or None,
        "staleSince": _moment(row.stale_since),
        "refused": row.refused or None,
        "fault": row.fault or None,
        "trustWarnings": list(row.warnings) or None,
        "eventsDropped": row.events_dropped or None,
        "begunAnew": row.begun_anew or None,
    }
    return {key: value for key, value in document.items() if value is not None}


def label_document(key: str, value: str, hosts: int) -> dict[str, Any]:
    """How many of the hosts have a label."""
    return {"type": "label", "key": key, "value": value, "hosts": hosts}


def _announced(announced: Announced | None) -> dict[str, Any] | None:
    if announced is None:
        return None
    trust = {
        "verified": announced.verified,
        "signerCompared": announced.compared,
        "signers": list(announced.signers),
    }
    if announced.statement is None:
        fault = announced.fault
        told = None if fault is None else {"code": fault.code.value, "reason": fault.reason}
        return {"fault": told, **trust}
    said = announced.statement.predicate
    return {
        "digest": announced.statement.digest,
        "version": said.version,
        "sequence": said.sequence,
        "state": said.rollout.state.value,
        "expires": rfc3339(said.expires),
        **trust,
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
