"""Which events count when device keys are given, and how others are shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.signer import FakeSigner
from tests.support.statements import a_status, an_event
from tidegate_fleet.words import HostEvent, RefusedEvent, read_host_message
from tidegate_publisher.adapters.device_keys import DeviceKeyFolder
from tidegate_publisher.event_display import HOSTS_TOLD, Refusals, show_event
from tidegate_publisher.output import Output
from tidegate_schemas import envelope
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import UpdateEvent, encode
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.messages import Message

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_fleet.words import Heard

TOPICS = Topics()
EVENT = an_event()


@pytest.fixture
def signer() -> FakeSigner:
    return FakeSigner()


@pytest.fixture
def keys(signer: FakeSigner, tmp_path: Path) -> DeviceKeyFolder:
    (tmp_path / "edge-1.pem").write_text(f"# enrolled in March\n{signer.pem}")
    (tmp_path / "README").write_text("Keys of hosts.")
    return DeviceKeyFolder(tmp_path)


def hear(payload: bytes, check: DeviceKeyFolder | None, host: str = "edge-1", leaf: str = "events") -> Heard:
    topic = TOPICS.events(host) if leaf == "events" else TOPICS.status(host)
    return read_host_message(Message(topic, payload, retained=False), TOPICS, check)


def refusal(payload: bytes, check: DeviceKeyFolder, host: str = "edge-1") -> str:
    heard = hear(payload, check, host)
    assert isinstance(heard, RefusedEvent)
    assert heard.host == host
    return heard.reason


def test_the_hosts_own_signature_counts(signer: FakeSigner, keys: DeviceKeyFolder) -> None:
    heard = hear(signer.sealed(EVENT.to_json()), keys)
    assert heard == HostEvent(EVENT, signer.key.id, verified=True)
    assert keys.hosts == {"edge-1"}


def test_what_is_unsigned_does_not_count(keys: DeviceKeyFolder) -> None:
    assert refusal(EVENT.to_json(), keys) == "it is not signed"
    assert refusal(b"junk", keys) == "it is not signed"
    binary = encode(EVENT, binary=True)
    message = Message(TOPICS.events("edge-1"), binary.payload, retained=False, properties=binary.properties)
    assert isinstance(read_host_message(message, TOPICS, keys), RefusedEvent)


def test_a_strangers_signature_does_not_count(signer: FakeSigner, keys: DeviceKeyFolder) -> None:
    stranger = FakeSigner()
    assert "not signed by a key that is known" in refusal(stranger.sealed(EVENT.to_json()), keys)
    # The genuine key's id beside it changes nothing.
    made = stranger.sign([EVENT.to_json()]).signatures[0]
    forged = envelope.seal(EVENT.to_json(), signer.key.id, made)
    assert "not signed by a key that is known" in refusal(forged, keys)


def test_a_host_without_a_key_does_not_count(signer: FakeSigner, keys: DeviceKeyFolder) -> None:
    event = EVENT.model_copy(update={"subject": "edge-2"})
    assert "no key of this host" in refusal(signer.sealed(event.to_json()), keys, "edge-2")


def test_a_key_speaks_for_the_host_that_the_event_names(signer: FakeSigner, tmp_path: Path) -> None:
    for host in ("edge-1", "edge-2"):
        (tmp_path / f"{host}.pem").write_text(signer.pem)
    message = signer.sealed(EVENT.to_json())
    assert "speaks of edge-1" in refusal(message, DeviceKeyFolder(tmp_path), "edge-2")


def test_a_signed_message_that_is_no_event_does_not_count(signer: FakeSigner, keys: DeviceKeyFolder) -> None:
    assert "no event" in refusal(signer.sealed(b"{}"), keys)
    twice = EVENT.to_json().replace(b"{", b'{"id":"other",', 1)
    assert "no event" in refusal(signer.sealed(twice), keys)


def test_properties_beside_an_envelope_say_nothing(signer: FakeSigner, keys: DeviceKeyFolder) -> None:
    lies = (("specversion", "1.0"), ("id", "other"), ("subject", "edge-9"))
    sealed = signer.sealed(EVENT.to_json())
    message = Message(
        TOPICS.events("edge-1"), sealed, retained=False, content_type="text/plain", properties=lies
    )
    for check in (keys, None):
        heard = read_host_message(message, TOPICS, check)
        assert isinstance(heard, HostEvent)
        assert heard.event == EVENT


def test_without_keys_signed_and_unsigned_are_read(signer: FakeSigner) -> None:
    assert hear(EVENT.to_json(), None) == HostEvent(EVENT)
    sealed = hear(signer.sealed(EVENT.to_json()), None)
    assert sealed == HostEvent(EVENT, signer.key.id, verified=False)
    assert hear(signer.sealed(EVENT.to_json()), None, "edge-2") is None
    assert hear(b'{"payloadType":"application/cloudevents+json"}', None) is None


def test_a_status_is_read_as_before(keys: DeviceKeyFolder) -> None:
    status = a_status("edge-1")
    assert hear(status.to_json(), keys, leaf="status") == status


def test_a_key_is_rotated_by_two_in_one_file(signer: FakeSigner, tmp_path: Path) -> None:
    new = FakeSigner()
    (tmp_path / "edge-1.pem").write_text(signer.pem + new.pem)
    keys = DeviceKeyFolder(tmp_path)
    for each in (signer, new):
        heard = hear(each.sealed(EVENT.to_json()), keys)
        assert isinstance(heard, HostEvent)
        assert heard.key_id == each.key.id


PRIVATE = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        (None, "", Code.CONFIG_MISSING),
        ("edge-1.pem", "", Code.TRUST_KEY_UNUSABLE),
        ("edge-1.pem", PRIVATE, Code.TRUST_KEY_UNUSABLE),
        ("edge-1.pem", PRIVATE.replace("PRIVATE", "PUBLIC"), Code.TRUST_KEY_UNUSABLE),
        ("edge-1.pem", "x" * 70000, Code.TRUST_KEY_UNUSABLE),
        ("edge 1.pem", "", Code.HOST_ID),
    ],
)
def test_a_bad_folder_shows_at_once(tmp_path: Path, name: str | None, content: str, code: Code) -> None:
    if name is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(TidegateError) as caught:
        DeviceKeyFolder(tmp_path)
    assert caught.value.code is code
    with pytest.raises(TidegateError) as caught:
        DeviceKeyFolder(tmp_path / "missing")
    assert caught.value.code is Code.CONFIG_MISSING


def shown(heard: HostEvent, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, object], str]:
    show_event(heard, Output(as_json=True))
    document = json.loads(capsys.readouterr().out)
    show_event(heard, Output())
    return document["signature"], capsys.readouterr().out


def test_what_is_known_of_a_signature_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    signature, line = shown(HostEvent(EVENT), capsys)
    assert signature == {"state": "none"}
    assert "signature" not in line
    signature, line = shown(HostEvent(EVENT, "ab" * 32), capsys)
    assert signature == {"state": "not checked", "keyid": "ab" * 32}
    assert line.rstrip().endswith("(signature not checked)")
    signature, line = shown(HostEvent(EVENT, "ab" * 32, verified=True), capsys)
    assert signature == {"state": "verified", "keyid": "ab" * 32}
    assert line.rstrip().endswith("(signature verified)")


def test_an_event_cannot_claim_a_signature(capsys: pytest.CaptureFixture[str]) -> None:
    content = {**json.loads(EVENT.to_json()), "signature": {"state": "verified"}}
    lying = UpdateEvent.model_validate_json(json.dumps(content))
    assert shown(HostEvent(lying), capsys)[0] == {"state": "none"}


def test_a_flood_of_refused_events_is_told_once_for_each_host(capsys: pytest.CaptureFixture[str]) -> None:
    refusals = Refusals(Output(as_json=True))
    for number in range(HOSTS_TOLD + 50):
        for _ in range(3):
            refusals.take(RefusedEvent(f"edge-{number}", "it is not signed"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == HOSTS_TOLD
    assert json.loads(lines[1]) == {
        "host": "edge-1",
        "code": "event.signature",
        "reason": "it is not signed",
    }
    assert refusals.count == 3 * (HOSTS_TOLD + 50)


def test_a_person_is_warned_of_a_refused_event(capsys: pytest.CaptureFixture[str]) -> None:
    Refusals(Output(quiet=True)).take(RefusedEvent("edge-1", "it is not signed"))
    assert "edge-1: an event does not count: it is not signed [event.signature]" in capsys.readouterr().err
