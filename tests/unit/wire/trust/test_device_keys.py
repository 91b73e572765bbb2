"""Events under device keys: a genuine one is read, and nothing else is."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.signer import FakeSigner
from tests.support.statements import an_event
from tidegate_schemas import jsontext, limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.envelope import (
    EVENT_BYTES,
    EventSignatureError,
    read_envelope,
    read_event,
    seal,
)
from tidegate_schemas.media_types import STRUCTURED
from tidegate_wire.trust.device import KEYS, read_keys, verify_event
from tidegate_wire.trust.dsse import pae

SIGNER = FakeSigner()
EVENT = an_event().to_json()
MESSAGE = SIGNER.sealed(EVENT)


def changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(MESSAGE), **fields}).encode()


def signature_of(message: bytes) -> dict[str, str]:
    signature: dict[str, str] = json.loads(message)["signatures"][0]
    return signature


def test_a_genuine_event_is_read() -> None:
    signed = verify_event(MESSAGE, [SIGNER.key])
    assert (signed.payload, signed.key_id) == (EVENT, SIGNER.key.id)
    assert read_event(signed.payload) == an_event()


def test_an_envelope_is_one_however_its_keys_are_spelt() -> None:
    spelt = MESSAGE.replace(b'"payloadType"', b'"payload\\u0054ype"')
    assert spelt != MESSAGE
    assert read_envelope(spelt) == read_envelope(MESSAGE) is not None


def test_the_encoding_is_that_of_dsse() -> None:
    # The example of DSSE's protocol.md.
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@given(place=st.integers(0, len(MESSAGE) - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused_or_only_in_the_hint(place: int, bit: int) -> None:
    altered = bytearray(MESSAGE)
    altered[place] ^= 1 << bit
    try:
        payload = verify_event(bytes(altered), [SIGNER.key]).payload
    except EventSignatureError:
        return
    assert payload == EVENT
    assert signature_of(bytes(altered))["keyid"] != SIGNER.key.id
    assert signature_of(bytes(altered))["sig"] == signature_of(MESSAGE)["sig"]


@given(st.binary(max_size=300) | st.builds(lambda text: text.encode(), st.text(max_size=300)))
def test_anything_else_is_refused_and_breaks_nothing(raw: bytes) -> None:
    with pytest.raises(EventSignatureError):
        verify_event(raw, [SIGNER.key])


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)


@given(field=st.sampled_from(["payload", "payloadType", "signatures", "more"]), value=JSON)
def test_any_other_shape_is_refused(field: str, value: object) -> None:
    with pytest.raises(EventSignatureError):
        verify_event(changed(**{field: value}), [SIGNER.key])


ONE = signature_of(MESSAGE)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(changed(payloadType="application/json"), id="another type"),
        pytest.param(changed(payloadType="application/vnd.in-toto+json"), id="a statement's type"),
        pytest.param(changed(signatures=[]), id="no signature"),
        pytest.param(changed(signatures=[ONE, ONE]), id="two signatures"),
        pytest.param(changed(signatures=[{**ONE, "more": 1}]), id="an unknown field"),
        pytest.param(changed(signatures=[{"sig": ONE["sig"]}]), id="no keyid"),
        pytest.param(changed(signatures=[{**ONE, "keyid": "A" * 64}]), id="a keyid in capitals"),
        pytest.param(changed(signatures=[{**ONE, "sig": ONE["sig"] + "\n"}]), id="loose base64"),
        pytest.param(changed(signatures=[{**ONE, "sig": ""}]), id="an empty signature"),
        pytest.param(changed(signatures=[{**ONE, "sig": "MAYCAQACAQA="}]), id="r and s are zero"),
        pytest.param(changed(payload=""), id="nothing signed"),
        pytest.param(MESSAGE + b" " * limits.STATEMENT_BYTES, id="too large"),
        pytest.param(MESSAGE.replace(b'"payloadType"', b'"payload_type"'), id="another spelling"),
        pytest.param(MESSAGE.replace(b"{", b'{"payload":"e30=",', 1), id="a key twice"),
        pytest.param(b"[" + MESSAGE + b"]", id="in a list"),
        pytest.param(EVENT, id="unsigned"),
    ],
)
def test_hostile_envelopes_are_refused(message: bytes) -> None:
    with pytest.raises(EventSignatureError) as caught:
        verify_event(message, [SIGNER.key])
    assert caught.value.code is Code.EVENT_SIGNATURE
    assert caught.value.reason


def test_base64_has_one_spelling() -> None:
    padded = SIGNER.sealed(EVENT + b" " * (2 - len(EVENT) % 3 or 3))
    text = json.loads(padded)["payload"]
    assert text.endswith("=")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = text.rstrip("=")[-1]
    stray = text.replace(f"{last}=", f"{letters[letters.index(last) + 1]}=")
    assert base64.b64decode(stray) == base64.b64decode(text)
    verify_event(padded, [SIGNER.key])
    for spelling in (stray, text.rstrip("="), f"{text}\n"):
        raw = json.dumps({**json.loads(padded), "payload": spelling}).encode()
        with pytest.raises(EventSignatureError):
            verify_event(raw, [SIGNER.key])


def test_signatures_for_something_else_do_not_fit() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    keys = read_keys(public, "key")
    for signed in (EVENT, pae("application/json", EVENT), pae(STRUCTURED, EVENT) + b" "):
        wrong = seal(EVENT, keys[0].id, key.sign(signed, ec.ECDSA(hashes.SHA256())))
        with pytest.raises(EventSignatureError):
            verify_event(wrong, keys)
    other_hash = seal(EVENT, keys[0].id, key.sign(pae(STRUCTURED, EVENT), ec.ECDSA(hashes.SHA384())))
    with pytest.raises(EventSignatureError):
        verify_event(other_hash, keys)


def test_the_hint_is_only_a_hint() -> None:
    other = FakeSigner()
    hinted = seal(EVENT, other.key.id, base64.b64decode(ONE["sig"]))
    assert verify_event(hinted, [other.key, SIGNER.key]).key_id == SIGNER.key.id
    with pytest.raises(EventSignatureError):
        verify_event(hinted, [other.key])
    with pytest.raises(EventSignatureError):
        verify_event(MESSAGE, [])


def test_the_largest_event_fits_into_a_message() -> None:
    largest = SIGNER.sealed(b"x" * EVENT_BYTES)
    assert len(largest) <= limits.STATEMENT_BYTES
    assert read_envelope(largest) is not None
    jsontext.parse(largest)


# Keys


def _pem(key: Any) -> str:
    raw: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return raw.decode()


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "junk",
        _pem(ec.generate_private_key(ec.SECP384R1())),
        _pem(ec.generate_private_key(ec.SECP256K1())),
        _pem(ed25519.Ed25519PrivateKey.generate()),
        SIGNER.pem + _pem(ed25519.Ed25519PrivateKey.generate()),
        SIGNER.pem.replace("PUBLIC", "PRIVATE"),
        SIGNER.pem * (KEYS + 1),
    ],
)
def test_other_keys_are_refused(pem: str) -> None:
    with pytest.raises(TidegateError) as caught:
        read_keys(pem, "edge-1.pem")
    assert caught.value.code is Code.TRUST_KEY_UNUSABLE
    assert "edge-1.pem" in caught.value.reason


def test_several_keys_are_read_with_words_between() -> None:
    other = FakeSigner()
    keys = read_keys(f"# the old one\n{SIGNER.pem}\n# the new one\n{other.pem}", "edge-1.pem")
    assert [key.id for key in keys] == [SIGNER.key.id, other.key.id]
