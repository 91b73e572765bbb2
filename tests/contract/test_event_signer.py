"""What every device key does: in memory, in a file, in a real token, and behind the signing process."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from tests.fakes.signer import FakeSigner
from tests.support.softhsm import SoftHsm
from tests.support.statements import an_event
from tidegate_agent.adapters.device_key_file import FileDeviceKey, new_key
from tidegate_agent.adapters.signer_child import ChildSigner, KeyFile
from tidegate_schemas.envelope import EventSignatureError, seal
from tidegate_wire.trust.device import read_keys, verify_event

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_agent.ports import EventSigner

EVENTS = [an_event().model_copy(update={"id": f"event-{n}"}).to_json() for n in range(5)]


def _key_file(folder: Path) -> Path:
    path = folder / "device.key"
    path.write_bytes(new_key())
    path.chmod(0o600)
    return path


def _token(folder: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    hsm = SoftHsm(folder, monkeypatch)
    ChildSigner(hsm.place).create_in_token()
    return hsm


def _in_process(hsm: SoftHsm) -> EventSigner:
    from tidegate_agent.adapters.device_key_pkcs11 import TokenDeviceKey  # noqa: PLC0415 - an optional library

    return TokenDeviceKey(**asdict(hsm.place))


@pytest.fixture(
    params=[
        "fake",
        "file",
        "file in a child",
        pytest.param("token", marks=pytest.mark.real("softhsm2-util")),
        pytest.param("token in a child", marks=pytest.mark.real("softhsm2-util")),
    ]
)
def signer(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EventSigner:
    match request.param:
        case "fake":
            return FakeSigner()
        case "file":
            return FileDeviceKey(_key_file(tmp_path))
        case "file in a child":
            return ChildSigner(KeyFile(_key_file(tmp_path)))
        case "token":
            return _in_process(_token(tmp_path, monkeypatch))
    return ChildSigner(_token(tmp_path, monkeypatch).place)


def _pem(der: bytes) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(der).decode()}-----END PUBLIC KEY-----\n"


def test_each_event_is_signed_by_the_key_that_is_named(signer: EventSigner) -> None:
    made = signer.sign(EVENTS)
    [key] = read_keys(_pem(made.public_key), "key")
    assert key.id == made.key_id
    messages = [seal(event, made.key_id, each) for event, each in zip(EVENTS, made.signatures, strict=True)]
    assert [verify_event(message, [key]).payload for message in messages] == EVENTS


def test_a_signature_is_for_one_event_only(signer: EventSigner) -> None:
    made = signer.sign(EVENTS[:2])
    keys = read_keys(_pem(made.public_key), "key")
    with pytest.raises(EventSignatureError):
        verify_event(seal(EVENTS[0], made.key_id, made.signatures[1]), keys)


def test_nothing_to_sign_tells_the_key(signer: EventSigner) -> None:
    made = signer.sign([])
    assert made.signatures == ()
    assert made.public_key == signer.sign(EVENTS[:1]).public_key
