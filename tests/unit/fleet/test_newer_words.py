"""A newer agent says codes that this version does not know; what it tells besides is heard."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.fleets import at, describes, said
from tidegate_fleet.dossier import Dossier
from tidegate_fleet.newer import in_known_words, known_code
from tidegate_fleet.standing import is_about_update
from tidegate_fleet.words import EventCheck, HostEvent, RefusedEvent, read_host_message
from tidegate_schemas import limits
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step, encode
from tidegate_schemas.status import HostStatus
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.messages import Message

TOPICS = Topics()
NEW = "health.frozen"
FAILED = said("edge-1", Step.FAILED, 5, code=Code.HEALTH_FAILED, reason="web: 503").event


def newer(raw: bytes, code: str = NEW) -> bytes:
    assert b"health.failed" in raw
    return raw.replace(b"health.failed", code.encode())


class Keys(EventCheck):
    def verify(self, host: str, raw: bytes) -> tuple[bytes, str]:
        del host
        return raw, "0" * 64


def heard(payload: bytes, *properties: tuple[str, str], check: EventCheck | None = None) -> Any:
    message = Message(TOPICS.events("edge-1"), payload, retained=False, properties=properties)
    return read_host_message(message, TOPICS, check)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("check", [None, Keys()])
def test_a_result_with_an_unknown_code_is_a_result(check: EventCheck | None, *, binary: bool) -> None:
    sent = encode(FAILED, binary=binary and check is None)
    found = heard(newer(sent.payload), *sent.properties, check=check)
    assert isinstance(found, HostEvent)
    assert found.verified is (check is not None)
    told = found.event.data
    assert (told.step, told.code, told.reason) == (Step.FAILED, None, "web: 503 [health.frozen]")
    assert found.event.id == FAILED.id


def test_a_status_with_unknown_codes_is_one() -> None:
    known = describes("edge-1", code=Code.HEALTH_FAILED, reason="r" * limits.TEXT).model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    known["fault"] = {"code": "disk.tired", "reason": ""}
    known["trust"] = {"code": "trust.tired"}
    raw = newer(json.dumps(known).encode())
    found = read_host_message(Message(TOPICS.status("edge-1"), raw, retained=True), TOPICS)
    assert isinstance(found, HostStatus)
    assert found.follows[0].code is None
    assert found.follows[0].reason.endswith("rr [health.frozen]")
    assert found.fault is not None
    assert (found.fault.code, found.fault.reason) == (Code.INTERNAL_ERROR, "[disk.tired]")
    assert found.trust is not None
    assert (found.trust.code, found.trust.reason) == (None, "[trust.tired]")


@pytest.mark.parametrize("code", ["Health.Frozen", "x", "a.b\\u001b[2J", "a." + "b" * 80, ""])
def test_what_is_no_code_makes_no_word(code: str) -> None:
    raw = newer(FAILED.to_json(), code)
    assert heard(raw) is None
    assert isinstance(heard(raw, check=Keys()), RefusedEvent)


@pytest.mark.parametrize("raw", [b"{", b"[]", b"1", b"\xff", b"[" * 100_000, b'{"data": [], "follows": {}}'])
def test_what_is_nothing_stays_nothing(raw: bytes) -> None:
    assert in_known_words(raw) is None
    assert heard(raw) is None


def test_codes_that_were_kept_by_a_newer_one() -> None:
    assert known_code("health.failed") is Code.HEALTH_FAILED
    assert known_code(NEW) is None
    assert known_code(None) is None


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("check", [None, Keys()])
def test_an_unknown_step_is_kept_and_moves_its_host_nowhere(
    check: EventCheck | None, *, binary: bool
) -> None:
    sent = encode(said("edge-1", Step.STAGED, 5, reason="half of it").event, binary=binary and check is None)
    found = heard(sent.payload.replace(b'"staged"', b'"soft-rebooting"'), *sent.properties, check=check)
    assert isinstance(found, HostEvent)
    assert (found.event.data.step, found.event.data.reason) == (Step.UNKNOWN, "half of it [soft-rebooting]")
    assert not is_about_update(found.event)
    host = Dossier("edge-1", at(0))
    host.take_event(said("edge-1", Step.STAGING, 1), at(1))
    host.take_event(found, at(6))
    assert (host.standings["os", "stable"].step, host.heard) == (Step.STAGING, at(6))


def test_an_unknown_step_of_the_whole_host_needs_no_channel() -> None:
    content = json.loads(FAILED.to_json())
    content["data"] = {"step": "rekeyed"}
    found = heard(json.dumps(content).encode())
    assert isinstance(found, HostEvent)
    assert found.event.data.reason == "[rekeyed]"


@pytest.mark.parametrize("step", ["", "Soft", "a b", "x" * 65, "\u0001", 5, None])
def test_what_is_no_word_is_no_step(step: object) -> None:
    content = json.loads(FAILED.to_json())
    content["data"]["step"] = step
    assert heard(json.dumps(content).encode()) is None
