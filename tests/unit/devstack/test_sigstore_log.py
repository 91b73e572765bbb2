"""Both logs and the time-stamps, as far as arithmetic and signatures go."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from rfc3161_client import (
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.base import HashAlgorithm

from tidegate_publisher.devstack.sigstore import LocalSigstore, email_claims
from tidegate_publisher.devstack.sigstore.dsse import pae, sign_envelope
from tidegate_publisher.devstack.sigstore.merkle import leaf_hash, root_from_path
from tidegate_publisher.devstack.sigstore.rekor_v2 import HOST

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore.entry import LogEntry

NOW = datetime(2031, 5, 17, 12, 30, 15, tzinfo=UTC)
SIGSTORE = LocalSigstore.create(NOW)
KEY = ec.generate_private_key(ec.SECP256R1())
LEAF = SIGSTORE.certify(KEY.public_key(), email_claims("me@example.org"), NOW)


def entries() -> list[LogEntry]:
    envelope = sign_envelope(b"{}", KEY)
    return [
        SIGSTORE.rekor_v1.log_envelope(envelope, LEAF, NOW),
        SIGSTORE.rekor_v2.log_envelope(envelope, LEAF),
    ]


def note_of(entry: LogEntry) -> tuple[bytes, str, bytes]:
    """The signed text, the signer's name, and the signature with its key hint."""
    assert entry.proof is not None
    text, _, signatures = entry.proof.checkpoint.partition("\n\n")
    dash, name, encoded = signatures.rstrip("\n").split(" ")
    assert dash == "\N{EM DASH}"
    return f"{text}\n".encode(), name, base64.b64decode(encoded)


def test_every_entry_is_proved_and_never_the_first() -> None:
    for _ in range(20):
        for entry in entries():
            proof = entry.proof
            assert proof is not None
            assert entry.log_index == proof.log_index >= 1
            assert proof.hashes
            root = root_from_path(leaf_hash(entry.body), proof.log_index, proof.tree_size, list(proof.hashes))
            assert root == proof.root_hash
            note, _, _ = note_of(entry)
            _, size, encoded_root = note.decode().rstrip("\n").split("\n")
            assert (int(size), base64.b64decode(encoded_root)) == (proof.tree_size, root)


def test_checkpoints_are_signed_by_their_logs() -> None:
    v1, v2 = entries()
    note, name, signature = note_of(v1)
    assert note.startswith(f"{name} - ".encode())
    assert signature[:4] == SIGSTORE.rekor_v1.log_id[:4]
    SIGSTORE.rekor_v1.key.public_key().verify(signature[4:], note, ec.ECDSA(hashes.SHA256()))
    note, name, signature = note_of(v2)
    raw = SIGSTORE.rekor_v2.key.public_key().public_bytes_raw()
    log_id = hashlib.sha256(f"{HOST}\n\x01".encode() + raw).digest()
    assert (name, note.split(b"\n")[0]) == (HOST, HOST.encode())
    assert SIGSTORE.rekor_v2.log_id == log_id
    assert signature[:4] == log_id[:4]
    SIGSTORE.rekor_v2.key.public_key().verify(signature[4:], note)


def test_only_v1_promises_a_time() -> None:
    v1, v2 = entries()
    assert v1.integrated_time == int(NOW.timestamp())
    assert "inclusionPromise" in v1.to_json()
    assert not {"inclusionPromise", "integratedTime"} & v2.to_json().keys()
    assert "inclusionProof" not in replace(v2, proof=None).to_json()


def test_the_same_body_logged_twice_is_two_entries() -> None:
    log = LocalSigstore.create(NOW).rekor_v1
    first, second = log.append("dsse", b"same", NOW), log.append("dsse", b"same", NOW)
    assert (first.log_index, second.log_index) == (1, 2)
    assert first.promise != second.promise


def test_bodies_are_canonical() -> None:
    for entry in entries():
        parsed = json.loads(entry.body)
        assert entry.body == json.dumps(parsed, sort_keys=True, separators=(",", ":")).encode()
        assert parsed["kind"] == entry.kind


@given(st.text(max_size=20), st.binary(max_size=40))
def test_the_pre_authentication_encoding(payload_type: str, payload: bytes) -> None:
    encoded = pae(payload_type, payload)
    name = payload_type.encode()
    assert encoded == b"DSSEv1 " + str(len(name)).encode() + b" " + name + b" " + (
        str(len(payload)).encode() + b" " + payload
    )


def test_a_time_stamp_verifies_for_its_message_alone() -> None:
    material = SIGSTORE.material
    verifier = (
        VerifierBuilder()
        .tsa_certificate(material.tsa.certificate)
        .add_root_certificate(material.tsa_root.certificate)
        .build()
    )
    response = decode_timestamp_response(SIGSTORE.tsa.stamp(b"signature", NOW))
    assert verifier.verify_message(response, b"signature")
    assert response.tst_info.gen_time == NOW
    with pytest.raises(VerificationError):
        verifier.verify_message(response, b"another")


def test_a_time_stamp_request_gets_its_nonce_back() -> None:
    builder = TimestampRequestBuilder().hash_algorithm(HashAlgorithm.SHA256).data(b"signature")
    request = builder.nonce(nonce=True).build()
    response = decode_timestamp_response(SIGSTORE.tsa.answer(request.as_bytes(), NOW))
    assert response.tst_info.nonce == request.nonce
    assert response.signed_data.certificates


def test_a_bare_time_stamp_request_gets_a_bare_answer() -> None:
    builder = TimestampRequestBuilder().hash_algorithm(HashAlgorithm.SHA256).data(b"signature")
    request = builder.nonce(nonce=False).cert_request(cert_request=False).build()
    response = decode_timestamp_response(SIGSTORE.tsa.answer(request.as_bytes(), NOW))
    assert not response.tst_info.nonce
    assert not response.signed_data.certificates


def test_a_request_for_another_hash_is_refused() -> None:
    builder = TimestampRequestBuilder().hash_algorithm(HashAlgorithm.SHA512).data(b"signature")
    with pytest.raises(ValueError, match="SHA-256"):
        SIGSTORE.tsa.answer(builder.build().as_bytes(), NOW)


@given(st.binary(max_size=200))
def test_garbage_is_no_time_stamp_request(garbage: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's text is its own
        SIGSTORE.tsa.answer(garbage, NOW)
