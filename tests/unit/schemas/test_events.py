"""Events in both of CloudEvents' modes, and what makes them CloudEvents."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.statements import NOON, an_event, digest_of
from tidegate_schemas import limits
from tidegate_schemas.base import HOST_PATTERN, NAME_PATTERN
from tidegate_schemas.codes import Code
from tidegate_schemas.events import (
    FINAL,
    TYPE_PREFIX,
    Step,
    UpdateData,
    UpdateEvent,
    decode,
    encode,
)
from tidegate_schemas.media_types import BINARY, STRUCTURED

SHORT = st.text(min_size=1, max_size=40)
DIGESTS = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - UTC is added
NAMES = st.from_regex(NAME_PATTERN, fullmatch=True)
DATA = st.builds(
    UpdateData,
    product=NAMES,
    channel=NAMES,
    step=st.sampled_from(Step),
    sequence=st.none() | st.integers(1, limits.SEQUENCE),
    digest=st.none() | DIGESTS,
    version=st.none() | SHORT,
    attempt=st.none() | st.integers(1, 1000),
    percent=st.none() | st.integers(0, 100),
    waiting_for=st.none() | SHORT,
    until=st.none() | MOMENTS,
    code=st.none() | st.sampled_from(Code),
    reason=st.text(max_size=100),
    details=st.dictionaries(SHORT, st.text(max_size=20), max_size=4),
    previous_digest=st.none() | DIGESTS,
    boot_id=st.none() | SHORT,
    durations=st.dictionaries(SHORT, st.floats(0, 1e9), max_size=4),
    bytes_fetched=st.none() | st.integers(0, 2**60),
)
EVENTS = st.builds(
    UpdateEvent,
    id=st.text(min_size=1, max_size=200),
    source=SHORT,
    type=SHORT,
    subject=st.from_regex(HOST_PATTERN, fullmatch=True),
    time=MOMENTS,
    data=DATA,
)


@given(EVENTS, st.booleans())
def test_both_modes_are_read_as_they_were_written(event: UpdateEvent, binary: bool) -> None:  # noqa: FBT001 - drawn
    encoded = encode(event, binary=binary)
    assert decode(encoded.payload, encoded.properties) == event


def test_structured_mode_is_one_json_object() -> None:
    encoded = encode(an_event(), binary=False)
    content = json.loads(encoded.payload)
    assert (encoded.content_type, encoded.properties) == (STRUCTURED, ())
    assert content["specversion"] == "1.0"
    assert {"id", "source", "specversion", "type"} <= set(content), "required by CloudEvents 1.0.2, 3.1"
    assert content["datacontenttype"] == "application/json"
    assert content["data"]["digest"] == digest_of("a")


def test_binary_mode_has_the_attributes_as_properties_and_the_data_as_payload() -> None:
    encoded = encode(an_event(), binary=True)
    assert encoded.content_type == BINARY
    assert dict(encoded.properties) == {
        "specversion": "1.0",
        "id": "edge-1/os/stable/1/1/succeeded",
        "source": "/tidegate/hosts/edge-1",
        "type": "dev.tidegate.update.succeeded",
        "subject": "edge-1",
        "time": "2026-03-02T12:00:00Z",
    }
    assert set(json.loads(encoded.payload)) >= {"product", "channel", "step"}


def test_attribute_names_are_what_cloudevents_allows() -> None:
    """Lower-case letters and digits (CloudEvents 1.0.2, section 3)."""
    assert all(name.isalnum() and name.islower() for name, _ in encode(an_event(), binary=True).properties)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"[]", b"\xff", b'{"specversion": "0.3"}', b'{"specversion": "1.0", "id": ""}', b"[" * 5000],
)
def test_what_is_no_event_is_refused(raw: bytes) -> None:
    for properties in ((), (("specversion", "1.0"),)):
        with pytest.raises(ValidationError):
            decode(raw, properties)


@pytest.mark.parametrize(
    "wrong",
    [
        ("specversion", "0.3"),
        ("id", ""),
        ("subject", "edge/1"),
        ("time", "2026-03-02T12:00:00"),
        ("time", "1772971200"),
        ("datacontenttype", "text/xml"),
    ],
)
def test_a_wrong_attribute_refuses_the_event(wrong: tuple[str, str]) -> None:
    encoded = encode(an_event(), binary=True)
    with pytest.raises(ValidationError):
        decode(encoded.payload, tuple((dict(encoded.properties) | dict([wrong])).items()))


def test_a_property_cannot_take_the_place_of_the_payload() -> None:
    encoded = encode(an_event(), binary=True)
    forged = UpdateData(product="x", channel="y", step=Step.FAILED).to_json().decode()
    assert decode(encoded.payload, (*encoded.properties, ("data", forged))) == an_event()


@pytest.mark.parametrize(
    "changes",
    [
        {"percent": 101},
        {"percent": -1},
        {"attempt": 0},
        {"bytesFetched": -1},
        {"code": "no.such-code"},
        {"step": "dancing"},
        {"digest": "sha256:short"},
        {"reason": "x" * (limits.TEXT + 1)},
        {"details": {str(n): "x" for n in range(limits.ITEMS + 1)}},
        {"durations": {"total": "1"}},
    ],
    ids=str,
)
def test_data_has_its_caps(changes: dict[str, object]) -> None:
    content = json.loads(an_event().data.to_json()) | changes
    with pytest.raises(ValidationError):
        UpdateData.model_validate_json(json.dumps(content))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_no_number_is_outside_json(number: str) -> None:
    raw = an_event().data.to_json().decode().replace('"durations":{}', f'"durations":{{"total":{number}}}')
    assert number in raw
    with pytest.raises(ValidationError):
        UpdateData.model_validate_json(raw)
    with pytest.raises(ValidationError):
        UpdateData(product="os", channel="stable", step=Step.FAILED, durations={"total": float("inf")})


def test_unknown_fields_of_a_newer_agent_are_kept() -> None:
    content = json.loads(encode(an_event(), binary=False).payload)
    content["data"]["slot"] = "b"
    assert decode(json.dumps(content).encode()).data.unknown() == {"slot": "b"}


def test_the_steps_that_end_an_update() -> None:
    assert {step for step in Step if step.final} == FINAL
    assert {step.value for step in FINAL} == {
        "succeeded",
        "rejected",
        "failed",
        "superseded",
        "cancelled",
        "rolled-back",
    }


def test_types_are_in_the_projects_name_space() -> None:
    assert an_event(Step.STAGED).type == TYPE_PREFIX + "staged"
    assert an_event().time == NOON


@pytest.mark.parametrize(
    "missing", [{"product": None}, {"channel": None}, {"product": None, "channel": None}]
)
def test_only_an_answer_may_be_about_no_channel(missing: dict[str, None]) -> None:
    fields = {"product": "os", "channel": "stable", **missing}
    answer = UpdateData.model_validate({"step": Step.ANSWERED, **fields})
    assert "product" not in json.loads(answer.to_json()) or missing.get("product", "os") == "os"
    with pytest.raises(ValidationError, match="an update has a product and a channel"):
        UpdateData.model_validate({"step": Step.STAGED, **fields})
