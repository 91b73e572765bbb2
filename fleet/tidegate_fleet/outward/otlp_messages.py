"""Events as OTLP has them: log records for what happened, spans for updates that ended. PURE.

Sources: OTLP 1.x (https://opentelemetry.io/docs/specs/otlp/); semantic conventions for events (a name of low
cardinality, a severity, attributes in place of a body), for CloudEvents, `error.type`, and the resource's
`service.*` and `host.*`.

Each host is a resource of its own: it is what speaks; the collector only passes on. Moments are the host's,
and so as true as its clock; `observed` is when the collector heard. What is sent again has the same trace and
span.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from tidegate_schemas import __version__
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step

try:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # it ships none
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
        ExportLogsServiceRequest,
        ExportLogsServiceResponse,
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
except ModuleNotFoundError as fault:
    reason = f"{fault.name} is not installed: --otlp-endpoint needs pip install 'tidegate[otel]'"
    raise TidegateError(Code.CONFIG_EXTRA, reason) from fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from tidegate_fleet.history import EventRecord
    from tidegate_schemas.events import UpdateEvent

_SCOPE: Final = "dev.tidegate"
_BAD: Final = frozenset({Step.FAILED, Step.REJECTED, Step.ROLLED_BACK})
_DOUBTFUL: Final = frozenset({Step.STALE, Step.DAMAGED})
_LAST_NS: Final = 2**63 - 1

Value = str | int | float | bool


def logs_request(records: Sequence[EventRecord]) -> ExportLogsServiceRequest:
    """Events as log records, each host's under a resource of its own."""
    request = ExportLogsServiceRequest()
    by_host: dict[str, list[EventRecord]] = {}
    for record in records:
        by_host.setdefault(record.event.subject, []).append(record)
    for host, said in by_host.items():
        resource = request.resource_logs.add(resource=_resource(host))
        scope = resource.scope_logs.add(scope=_scope())
        scope.log_records.extend(_log_record(record) for record in said)
    return request


def traces_request(
    passages: Sequence[tuple[EventRecord, Sequence[UpdateEvent]]],
) -> ExportTraceServiceRequest:
    """Updates that ended, each as one span with its steps as events of the span."""
    request = ExportTraceServiceRequest()
    for record, steps in passages:
        resource = request.resource_spans.add(resource=_resource(record.event.subject))
        resource.scope_spans.add(scope=_scope()).spans.append(_span(record, steps))
    return request


def rejected_of(answer: bytes) -> tuple[int, str]:
    """How many log records a receiver did not take, and why; an answer that says nothing took all."""
    try:
        partial = ExportLogsServiceResponse.FromString(answer).partial_success
    except DecodeError:
        return 0, ""
    return partial.rejected_log_records, partial.error_message[:300]


def _log_record(record: EventRecord) -> LogRecord:
    event = record.event
    severity = SeverityNumber.SEVERITY_NUMBER_INFO
    if event.data.step in _BAD:
        severity = SeverityNumber.SEVERITY_NUMBER_ERROR
    elif event.data.step in _DOUBTFUL:
        severity = SeverityNumber.SEVERITY_NUMBER_WARN
    trace, span = _ids(event) if has_attempt(event) else (b"", b"")
    return LogRecord(
        time_unix_nano=_nanoseconds(event.time),
        observed_time_unix_nano=_nanoseconds(record.heard),
        severity_number=severity,
        severity_text=SeverityNumber.Name(severity).removeprefix("SEVERITY_NUMBER_"),
        event_name=_text(event.type),
        attributes=[*_key_values(_of_envelope(event)), *_key_values(_of_update(record))],
        trace_id=trace,
        span_id=span,
    )


def _span(record: EventRecord, steps: Sequence[UpdateEvent]) -> Span:
    event, said = record.event, record.event.data
    trace, span = _ids(event)
    end = _nanoseconds(event.time)
    total = max(0.0, min(said.durations.get("total", 0.0), _LAST_NS / 1e9))
    began = min([max(0, end - int(total * 1e9)), *(_nanoseconds(step.time) for step in steps)])
    bad = said.step in _BAD
    return Span(
        trace_id=trace,
        span_id=span,
        name="update",
        kind=Span.SpanKind.SPAN_KIND_INTERNAL,
        start_time_unix_nano=began,
        end_time_unix_nano=max(end, began),
        attributes=[
            *_key_values(_of_update(record)),
            *_key_values({f"tidegate.duration.{name}": spent for name, spent in said.durations.items()}),
        ],
        events=[
            Span.Event(
                time_unix_nano=_nanoseconds(step.time), name=step.data.step.value, attributes=_of_step(step)
            )
            for step in steps
        ],
        status=Status(
            code=Status.StatusCode.STATUS_CODE_ERROR if bad else Status.StatusCode.STATUS_CODE_OK,
            message=_text(said.reason) if bad else "",
        ),
    )


def _of_step(step: UpdateEvent) -> list[KeyValue]:
    said = step.data
    known = {
        "tidegate.waiting_for": said.waiting_for,
        "tidegate.percent": said.percent,
        "error.type": None if said.code is None else said.code.value,
    }
    return list(_key_values(known))


def _of_envelope(event: UpdateEvent) -> dict[str, Value | None]:
    return {
        "cloudevents.event_id": event.id,
        "cloudevents.event_source": event.source,
        "cloudevents.event_spec_version": event.specversion,
        "cloudevents.event_type": event.type,
        "cloudevents.event_subject": event.subject,
    }


def _of_update(record: EventRecord) -> dict[str, Value | None]:
    said = record.event.data
    return {
        "tidegate.product": said.product,
        "tidegate.channel": said.channel,
        "tidegate.step": said.step.value,
        "tidegate.sequence": said.sequence,
        "tidegate.attempt": said.attempt,
        "tidegate.version": said.version,
        "tidegate.waiting_for": said.waiting_for,
        "tidegate.percent": said.percent,
        "tidegate.bytes_fetched": said.bytes_fetched,
        "tidegate.reason": said.reason or None,
        "tidegate.verified": record.verified,
        "oci.manifest.digest": said.digest,
        "error.type": None if said.code is None else said.code.value,
    }


def _key_values(known: Mapping[str, Value | None]) -> Iterator[KeyValue]:
    for key, value in known.items():
        if value is not None:
            yield KeyValue(key=_text(key), value=_any(value))


def _any(value: Value) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=min(value, _LAST_NS))
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=_text(value))


def _resource(host: str) -> Resource:
    known = {"service.name": "tidegate-agent", "service.instance.id": host, "host.name": host}
    return Resource(attributes=list(_key_values(known)))


def _scope() -> InstrumentationScope:
    return InstrumentationScope(name=_SCOPE, version=__version__)


def _ids(event: UpdateEvent) -> tuple[bytes, bytes]:
    named = hashlib.sha256(f"{event.source}\n{place_of(event)}".encode(errors="replace")).digest()
    return named[:16], named[16:24]


def place_of(event: UpdateEvent) -> str:
    """Which attempt at which statement, on which host: an event's id but for its step."""
    return event.id.rpartition("/")[0]


def has_attempt(event: UpdateEvent) -> bool:
    """Whether it is about an update, and not only about a message."""
    return event.data.attempt is not None and event.data.sequence is not None


def _nanoseconds(moment: datetime) -> int:
    # Any host may claim any year; the field holds those up to 2262 for readers that take it as signed.
    return max(0, min(int(moment.timestamp()) * 10**9 + moment.microsecond * 1000, _LAST_NS))


def _text(text: str) -> str:
    # Strings of protobuf are UTF-8; half a surrogate pair is not.
    return text.encode(errors="replace").decode()
