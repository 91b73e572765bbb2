"""Dossiers to rows, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from tidegate_fleet.dossier import Dossier, Way, arch_of, release_of
from tidegate_fleet.history import EventRecord, ReleaseKey, StatementRecord
from tidegate_fleet.membership import membership
from tidegate_fleet.newer import in_known_words, known_code
from tidegate_fleet.presence import End
from tidegate_fleet.standing import Standing
from tidegate_fleet.store.faults import readable
from tidegate_fleet.words import HostEvent
from tidegate_schemas import limits
from tidegate_schemas.events import Step, UpdateEvent
from tidegate_schemas.statement import ChannelStatement
from tidegate_schemas.status import HostStatus, Presence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.engine import Row

M = TypeVar("M", UpdateEvent, HostStatus)
Values = dict[str, Any]
Word = HostEvent | HostStatus | StatementRecord
"""What a collector takes in."""

_STANDING: Final = (
    *("digest", "sequence", "resets", "attempt", "at", "heard", "version", "waiting_for"),
    *("until", "percent", "reason", "by_status", "first_heard"),
)


def is_storable(word: Word) -> bool:
    """Whether all numbers of a word fit a database's: some are bounded by no contract."""
    match word:
        case HostEvent():
            return (word.event.data.attempt or 0) <= limits.SEQUENCE
        case HostStatus():
            return max(word.start, word.connection) <= limits.SEQUENCE
        case StatementRecord():
            return True


def event_row(heard: HostEvent, now: datetime) -> Values:
    """A row of `event`."""
    event, said = heard.event, heard.event.data
    way = release_of(event)
    return {
        "host": event.subject,
        "id": _clean(event.id),
        "product": said.product,
        "channel": said.channel,
        "digest": None if way is None else way.digest,
        "sequence": said.sequence,
        "attempt": said.attempt,
        "step": said.step.value,
        "at": event.time,
        "heard": now,
        "code": said.code,
        "waiting_for": _clean(said.waiting_for),
        "verified": heard.verified,
        "body": event.to_json().decode(),
    }


def event_record(row: Row[Any]) -> EventRecord:
    """The record of a row of `event`."""
    return EventRecord(row.number, read_body(row.body), row.heard, row.verified)


def read_body(body: str) -> UpdateEvent:
    """The event in a row, which a newer collector may have written. Raises StoreError: there is none."""
    return _read(UpdateEvent, body)


def read_status(body: str | None) -> HostStatus | None:
    """The status in a row, likewise; None where there is none yet. Raises StoreError: it is none."""
    return None if body is None else _read(HostStatus, body)


def host_row(dossier: Dossier) -> Values:
    """A row of `host`, but for its counters."""
    labels = {} if dossier.status is None else dossier.status.labels
    return {
        "name": dossier.name,
        "presence": dossier.presence.value,
        "start": dossier.born[0],
        "connection": dossier.born[1],
        "ended_start": None if dossier.end is None else dossier.end.start,
        "ended_connection": None if dossier.end is None else dossier.end.connection,
        "ended_at": None if dossier.end is None else dossier.end.at,
        "heard": dossier.heard,
        "arch": _clean(arch_of(dossier.status)),
        "labels": json.dumps(labels),
    }


def dossier_of(row: Row[Any]) -> Dossier:
    """The dossier of a row of `host` with its `status.body`; standings and ways are still to come."""
    status = read_status(row.body)
    end = None if row.ended_at is None else End(row.ended_start, row.ended_connection, row.ended_at)
    born = row.start, row.connection
    return Dossier(row.name, row.heard, Presence(row.presence), end, born, status)


def label_rows(status: HostStatus) -> Iterator[Values]:
    """The rows of `label`."""
    for key, value in status.labels.items():
        yield {"host": status.host, "key": _clean(key), "value": _clean(value)}


def follow_rows(status: HostStatus) -> Iterator[Values]:
    """The rows of `follow`, but for the wave. Of a channel that is named twice the last word counts."""
    for follow in {(one.product, one.channel): one for one in status.follows}.values():
        yield {
            "host": status.host,
            "product": follow.product,
            "channel": follow.channel,
            "current": follow.current,
            "version": _clean(follow.version),
            "stale": follow.stale_since is not None,
        }


def quarantine_rows(status: HostStatus) -> Iterator[Values]:
    """The rows of `quarantine`."""
    for digest in {digest for follow in status.follows for digest in follow.quarantined}:
        yield {"host": status.host, "digest": digest}


def standing_columns(standing: Standing) -> Values:
    """The columns of a standing."""
    return {
        **{name: getattr(standing, name) for name in _STANDING},
        "version": _clean(standing.version),
        "waiting_for": _clean(standing.waiting_for),
        "reason": _clean(standing.reason),
        "step": standing.step.value,
        "phase": standing.phase.value,
        "code": standing.code,
    }


def standing_of(row: Row[Any]) -> Standing:
    """The standing in a row of `standing` or `passage`."""
    with readable("a standing"):
        step = Step(row.step)
    return Standing(step=step, code=known_code(row.code), **{name: getattr(row, name) for name in _STANDING})


def way_columns(way: Way) -> Values:
    """The columns of a way, its standing among them."""
    return {
        **standing_columns(way.standing),
        "began": way.began,
        "activated": way.activated,
        "durations": json.dumps(way.durations),
        "told": way.attempt,
        "waited_for": json.dumps(way.waited_for),
        "events": way.events,
        "verified": way.verified,
    }


def way_of(row: Row[Any]) -> Way:
    """The way in a row of `passage`."""
    return Way(
        standing=standing_of(row),
        began=row.began,
        activated=row.activated,
        durations=json.loads(row.durations),
        attempt=row.told,
        waited_for=json.loads(row.waited_for),
        events=row.events,
        verified=row.verified,
    )


def statement_row(record: StatementRecord) -> Values:
    """A row of `statement`."""
    predicate = record.statement.predicate
    return {
        "product": predicate.product,
        "channel": predicate.channel,
        "sequence": predicate.sequence,
        "digest": record.statement.digest,
        "heard": record.heard,
        "verified": record.verified,
        "signers": json.dumps(record.signers),
        "division": membership(record.statement),
        "body": record.statement.to_json().decode(),
    }


def statement_of(row: Row[Any]) -> StatementRecord:
    """The record of a row of `statement`."""
    with readable("a statement"):
        content = ChannelStatement.model_validate_json(row.body)
    return StatementRecord(content, row.heard, row.verified, tuple(json.loads(row.signers)))


def key_columns(key: ReleaseKey) -> Values:
    """The columns that name a release."""
    return {"product": key.product, "channel": key.channel, "digest": key.digest}


def _read(kind: type[M], body: str) -> M:
    with readable(f"a row of {kind.__name__}"):
        try:
            return kind.model_validate_json(body)
        except ValidationError:
            known = in_known_words(body.encode())
            if known is None:
                raise
            return kind.model_validate_json(known)


def _clean(text: str | None) -> str | None:
    # PostgreSQL keeps no U+0000 in a text; JSON bodies have it escaped.
    return None if text is None else text.replace("\0", "\N{REPLACEMENT CHARACTER}")
