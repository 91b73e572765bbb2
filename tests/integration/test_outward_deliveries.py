"""Results reach a real receiver, whatever it does meanwhile, and whatever it does collecting goes on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.fakes.history import FakeHistory
from tests.support.pki import Authority
from tests.support.receiving import Answer, Receiver
from tests.support.statements import NOON, an_event
from tests.support.waiting import wait_until
from tidegate_fleet.outward.courier import Courier, Order
from tidegate_fleet.outward.cursor import Cursor
from tidegate_fleet.outward.otlp import Otlp
from tidegate_fleet.outward.posting import ANSWER_BYTES, Address, Poster
from tidegate_fleet.outward.signatures import Secrets
from tidegate_fleet.outward.targets import AwayError, UnwantedError
from tidegate_fleet.outward.webhook import Mode, Webhook
from tidegate_schemas.events import Step, UpdateEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_fleet.history import EventRecord
    from tidegate_fleet.outward.targets import Target

KEY = bytes(range(32))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@dataclass
class Posters:
    """Makes posters, and closes them in the end."""

    made: list[Poster]

    def __call__(self, url: str, read_s: float = 15.0, **more: Any) -> Poster:
        self.made.append(Poster(Address(url, **more), read_s))
        return self.made[-1]


@pytest.fixture
def posters() -> Iterator[Posters]:
    posters = Posters([])
    yield posters
    for each in posters.made:
        each.close()


class Collected:
    """A store with a courier that runs."""

    def __init__(self, folder: Path, target: Target) -> None:
        self.history = FakeHistory()
        self.ids: list[str] = []
        self._cursor = Cursor(folder / "cursor")
        self._target = target
        self.courier = self._courier()

    def tell(self, step: Step = Step.SUCCEEDED, **changes: Any) -> UpdateEvent:
        """Collect one event more."""
        event = an_event(step).model_copy(
            update={"id": f"edge-1/os/stable/{len(self.ids)}/1/{step}", **changes}
        )
        self.ids.append(event.id)
        self.history.take(event, NOON)
        self.courier.committed([self.history.events[-1]], 0)
        return event

    def restart(self) -> None:
        self.courier.stop()
        self.courier = self._courier()

    def _courier(self) -> Courier:
        order = Order(lambda event: event.data.step.final)
        courier = Courier(self._target, self.history, self._cursor, order, now=lambda: NOON)
        courier.prepare()
        courier.start()
        return courier


def records(*steps: Step) -> list[EventRecord]:
    history = FakeHistory()
    for step in steps:
        history.take(an_event(step), NOON)
    return list(history.events_after(0))


def test_a_structured_request_is_the_event_signed(receiver: Receiver, posters: Posters) -> None:
    webhook = Webhook(posters(receiver.url), Mode.STRUCTURED, Secrets((KEY,)), lambda: 1700000000.9)
    webhook.deliver(records(Step.SUCCEEDED))
    (request,) = receiver.wait_for(1)
    assert request.path == "/hook"
    assert request.headers["content-type"] == "application/cloudevents+json; charset=UTF-8"
    assert UpdateEvent.model_validate_json(request.body) == an_event()
    signed = f"{request.headers['webhook-id']}.1700000000.".encode() + request.body
    expected = base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
    assert request.headers["webhook-timestamp"] == "1700000000"
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert request.headers["user-agent"].startswith("tidegate/")


def test_a_binary_request_has_its_attributes_in_headers(receiver: Receiver, posters: Posters) -> None:
    event = an_event().model_copy(update={"id": 'edge-1/"100 %" ü\r\nX: y'})
    history = FakeHistory()
    history.take(event, NOON)
    Webhook(posters(receiver.url), Mode.BINARY).deliver(history.events_after(0))
    (request,) = receiver.wait_for(1)
    headers = {key.removeprefix("ce-"): value for key, value in request.headers.items() if key[:3] == "ce-"}
    assert headers.keys() == {"specversion", "id", "source", "type", "subject", "time"}
    assert "%22" in headers["id"]
    assert "%25" in headers["id"]
    assert "x" not in request.headers
    assert unquote(headers["id"]) == event.id
    assert headers["type"] == "dev.tidegate.update.succeeded"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body)["step"] == "succeeded"


def test_a_batch_is_one_request(receiver: Receiver, posters: Posters) -> None:
    told = records(Step.SUCCEEDED, Step.FAILED)
    Webhook(posters(receiver.url), Mode.BATCHED).deliver(told)
    (request,) = receiver.wait_for(1)
    assert request.headers["content-type"] == "application/cloudevents-batch+json; charset=UTF-8"
    assert [one["id"] for one in json.loads(request.body)] == [one.event.id for one in told]


def test_a_receiver_that_is_killed_and_comes_back_gets_every_result_in_order(
    tmp_path: Path, receiver: Receiver, posters: Posters
) -> None:
    site = Collected(tmp_path, Webhook(posters(receiver.url)))
    site.tell()
    receiver.wait_for(1)
    receiver.stop()
    site.tell(Step.STAGING)
    for _ in range(3):
        site.tell()
    site.restart()
    receiver.start()
    receiver.wait_for(4)
    site.courier.stop()
    results = [name for name in site.ids if "staging" not in name]
    assert [json.loads(request.body)["id"] for request in receiver.requests] == results


def test_a_receiver_in_trouble_is_asked_again_with_the_same_id(
    tmp_path: Path, receiver: Receiver, posters: Posters
) -> None:
    receiver.answers = [Answer(500), Answer(429, {"Retry-After": "1"}), Answer(204)]
    site = Collected(tmp_path, Webhook(posters(receiver.url), secrets=Secrets((KEY,))))
    began = time.monotonic()
    site.tell()
    first, second, third = receiver.wait_for(3)
    wait_until(lambda: Cursor(tmp_path / "cursor").read() == 1, "it is done with", 30)
    site.courier.stop()
    assert time.monotonic() - began > 1.4
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == third.headers["webhook-id"]


@pytest.mark.parametrize("status", [401, 403, 404, 410, 500, 503])
def test_what_may_be_mended_is_tried_again(receiver: Receiver, posters: Posters, status: int) -> None:
    receiver.answers = [Answer(status, {"Retry-After": "7"}, b"no")]
    with pytest.raises(AwayError, match=f"answers {status}") as away:
        Webhook(posters(receiver.url)).deliver(records(Step.SUCCEEDED))
    assert away.value.pause_s == 7


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_what_is_about_this_very_event_is_not(receiver: Receiver, posters: Posters, status: int) -> None:
    receiver.answers = [Answer(status)]
    with pytest.raises(UnwantedError, match=f"answers {status}"):
        Webhook(posters(receiver.url)).deliver(records(Step.SUCCEEDED))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(receiver: Receiver, posters: Posters, status: int) -> None:
    with Receiver() as elsewhere:
        receiver.answers = [Answer(status, {"Location": elsewhere.url})]
        with pytest.raises(AwayError, match="redirects are not followed"):
            Webhook(posters(receiver.url)).deliver(records(Step.SUCCEEDED))
        assert elsewhere.requests == []


def test_a_receiver_that_falls_silent_is_left(receiver: Receiver, posters: Posters) -> None:
    receiver.answers = [Answer(200, stalls=True)]
    with pytest.raises(AwayError, match="broke its answer off"):
        Webhook(posters(receiver.url, read_s=0.2)).deliver(records(Step.SUCCEEDED))


def test_an_answer_without_end_is_not_read_to_its_end(receiver: Receiver, posters: Posters) -> None:
    receiver.answers = [Answer(200, body=b"x" * 50 * ANSWER_BYTES), Answer(200, body=b"short")]
    poster = posters(receiver.url)
    assert len(poster.post(b"{}", {})) == ANSWER_BYTES
    assert poster.post(b"{}", {}) == b"short"


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, posters: Posters) -> None:
    authority = Authority(tmp_path)
    leaf = authority.issue("receiver")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(leaf.cert, leaf.key)
    with Receiver(tls) as receiver:
        with pytest.raises(AwayError, match="CERTIFICATE_VERIFY_FAILED"):
            Webhook(posters(receiver.url)).deliver(records(Step.SUCCEEDED))
        assert receiver.requests == []
        Webhook(posters(receiver.url, ca=authority.ca)).deliver(records(Step.SUCCEEDED))
        assert len(receiver.requests) == 1


def test_opentelemetry_gets_events_and_a_trace_for_what_ended(receiver: Receiver, posters: Posters) -> None:
    base = receiver.url.removesuffix("/hook")
    receiver.answers = [Answer(200)]
    headers = {"Authorization": "Bearer word"}
    logs, traces = posters(f"{base}/v1/logs", headers=headers), posters(f"{base}/v1/traces", headers=headers)
    history = FakeHistory()
    for step in (Step.ACCEPTED, Step.STAGING, Step.SUCCEEDED):
        history.take(an_event(step), NOON)
    history.take(an_event(Step.FAILED).model_copy(update={"id": "edge-1/os/stable/9/1/failed"}), NOON)
    Otlp(logs, traces, history).deliver(history.events_after(0))
    told, traced = receiver.wait_for(2)
    assert (told.path, traced.path) == ("/v1/logs", "/v1/traces")
    assert told.headers["content-type"] == traced.headers["content-type"] == "application/x-protobuf"
    assert told.headers["authorization"] == "Bearer word"
    (resource,) = ExportLogsServiceRequest.FromString(told.body).resource_logs
    names = [record.event_name.rpartition(".")[2] for record in resource.scope_logs[0].log_records]
    assert names == ["accepted", "staging", "succeeded", "failed"]
    spans = [
        each.scope_spans[0].spans[0]
        for each in ExportTraceServiceRequest.FromString(traced.body).resource_spans
    ]
    assert [[each.name for each in span.events] for span in spans] == [
        ["accepted", "staging", "succeeded"],
        ["failed"],
    ]


def test_opentelemetry_that_takes_a_part_is_taken_at_its_word(receiver: Receiver, posters: Posters) -> None:
    partial = ExportLogsPartialSuccess(rejected_log_records=1, error_message="too old")
    receiver.answers = [
        Answer(200, body=ExportLogsServiceResponse(partial_success=partial).SerializeToString())
    ]
    history = FakeHistory()
    history.take(an_event(), NOON)
    Otlp(posters(receiver.url), None, history).deliver(history.events_after(0))
    assert len(receiver.requests) == 1


def test_a_trace_that_is_refused_makes_no_log_come_twice_and_no_event_refused(
    receiver: Receiver, posters: Posters
) -> None:
    base = receiver.url.removesuffix("/hook")
    otlp = Otlp(posters(f"{base}/v1/logs"), posters(f"{base}/v1/traces"), FakeHistory())
    told = records(Step.STAGING, Step.SUCCEEDED)
    receiver.answers = [Answer(200), Answer(400)]
    with pytest.raises(UnwantedError):
        otlp.deliver(told)
    for record in told:
        otlp.deliver([record])
    assert [each.path for each in receiver.requests] == ["/v1/logs", "/v1/traces", "/v1/traces"]
