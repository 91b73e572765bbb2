"""Events as OpenTelemetry has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.support.statements import NOON, an_event, digest_of
from tidegate_fleet.history import EventRecord
from tidegate_fleet.outward.otlp_messages import logs_request, rejected_of, traces_request
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from tidegate_schemas.events import UpdateEvent

HEARD = NOON + timedelta(seconds=2)


def event(step: Step, at: datetime = NOON, **data: Any) -> UpdateEvent:
    made = an_event(step)
    return made.model_copy(update={"time": at, "data": made.data.model_copy(update=data)})


def record(said: UpdateEvent, number: int = 1) -> EventRecord:
    return EventRecord(number, said, HEARD, verified=True)


def values(attributes: Iterable[KeyValue]) -> dict[str, object]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value") or "") for each in attributes}


def nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def test_a_failure_is_an_event_with_a_name_a_severity_and_its_code() -> None:
    said = event(Step.FAILED, code=Code.HEALTH_FAILED, reason="web: 503", version="1.2")
    (resource,) = logs_request([record(said)]).resource_logs
    assert values(resource.resource.attributes) == {
        "service.name": "tidegate-agent",
        "service.instance.id": "edge-1",
        "host.name": "edge-1",
    }
    ((told,),) = [scope.log_records for scope in resource.scope_logs]
    assert told.event_name == "dev.tidegate.update.failed"
    assert told.severity_number == SeverityNumber.SEVERITY_NUMBER_ERROR
    assert told.severity_text == "ERROR"
    assert not told.HasField("body")
    assert told.time_unix_nano == nanoseconds(NOON)
    assert told.observed_time_unix_nano == nanoseconds(HEARD)
    attributes = values(told.attributes)
    assert (
        attributes.items()
        >= {
            "cloudevents.event_id": said.id,
            "cloudevents.event_type": "dev.tidegate.update.failed",
            "cloudevents.event_subject": "edge-1",
            "error.type": "health.failed",
            "tidegate.reason": "web: 503",
            "tidegate.version": "1.2",
            "tidegate.sequence": 1,
            "tidegate.verified": True,
            "oci.manifest.digest": digest_of("a"),
        }.items()
    )
    assert "tidegate.percent" not in attributes


@pytest.mark.parametrize(
    ("step", "severity"), [(Step.SUCCEEDED, "INFO"), (Step.STALE, "WARN"), (Step.ROLLED_BACK, "ERROR")]
)
def test_severities_tell_what_has_to_be_looked_at(step: Step, severity: str) -> None:
    (resource,) = logs_request([record(event(step))]).resource_logs
    assert resource.scope_logs[0].log_records[0].severity_text == severity


def test_each_host_is_a_resource_of_its_own() -> None:
    other = an_event().model_copy(update={"subject": "edge-2"})
    request = logs_request([record(an_event()), record(other), record(event(Step.STAGED))])
    counts = {
        values(each.resource.attributes)["host.name"]: len(each.scope_logs[0].log_records)
        for each in request.resource_logs
    }
    assert counts == {"edge-1": 2, "edge-2": 1}


def test_an_update_is_one_span_from_its_first_step_to_its_end() -> None:
    steps = [
        event(Step.ACCEPTED, NOON),
        event(Step.WAITING, NOON + timedelta(seconds=1), waiting_for="window"),
        event(Step.ACTIVATING, NOON + timedelta(seconds=60)),
        event(
            Step.ROLLED_BACK,
            NOON + timedelta(seconds=90),
            code=Code.HEALTH_FAILED,
            reason="web: 503",
            durations={"waiting": 59.0, "total": 90.0},
        ),
    ]
    (resource,) = traces_request([(record(steps[-1]), steps)]).resource_spans
    (span,) = resource.scope_spans[0].spans
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (
        nanoseconds(NOON),
        nanoseconds(NOON + timedelta(seconds=90)),
    )
    assert [each.name for each in span.events] == ["accepted", "waiting", "activating", "rolled-back"]
    assert values(span.events[1].attributes) == {"tidegate.waiting_for": "window"}
    assert values(span.attributes)["tidegate.duration.waiting"] == 59.0
    assert span.status.code == Status.StatusCode.STATUS_CODE_ERROR
    assert span.status.message == "web: 503"
    assert (len(span.trace_id), len(span.span_id)) == (16, 8)
    (log,) = logs_request([record(steps[0])]).resource_logs[0].scope_logs[0].log_records
    assert (log.trace_id, log.span_id) == (span.trace_id, span.span_id)


def test_the_same_update_has_the_same_trace_and_another_attempt_another() -> None:
    first = an_event()
    second = first.model_copy(update={"id": "edge-1/os/stable/1/2/succeeded"})
    spans = [
        traces_request([(record(each), [each])]).resource_spans[0].scope_spans[0].spans[0]
        for each in (first, first, second)
    ]
    assert spans[0] == spans[1]
    assert spans[0].trace_id != spans[2].trace_id


def test_without_steps_the_durations_say_when_it_began() -> None:
    said = event(Step.SUCCEEDED, durations={"total": 10.0})
    span = traces_request([(record(said), [])]).resource_spans[0].scope_spans[0].spans[0]
    assert span.end_time_unix_nano - span.start_time_unix_nano == 10 * 10**9
    assert span.status.code == Status.StatusCode.STATUS_CODE_OK


@pytest.mark.parametrize("at", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_a_host_that_claims_any_year_and_any_duration_is_sent_all_the_same(at: datetime) -> None:
    said = event(
        Step.FAILED, at, reason="\ud800", durations={"total": 1e300, "x": -1e300}, bytes_fetched=2**70
    )
    assert logs_request([record(said)]).SerializeToString()
    span = traces_request([(record(said), [said])]).resource_spans[0].scope_spans[0].spans[0]
    assert span.start_time_unix_nano <= span.end_time_unix_nano


def test_an_answer_that_is_none_took_all() -> None:
    assert rejected_of(b"") == (0, "")
    assert rejected_of(b"\xff\xff rubbish") == (0, "")
