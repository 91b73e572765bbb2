"""Signatures under a key pair in the local Sigstore's logs, as `cosign sign --key` asks for them."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_publisher.devstack.sigstore.dsse import sign_envelope
from tidegate_publisher.devstack.sigstore.service.messages import Request
from tidegate_publisher.devstack.sigstore.service.server import answer, routes_of

NOW = datetime(2031, 5, 17, 12, 30, 15, tzinfo=UTC)
ROUTES = routes_of(LocalSigstore.create(NOW), "http://127.0.0.1:1")
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
SPKI = PublicFormat.SubjectPublicKeyInfo


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def dsse_entry(key: ec.EllipticCurvePrivateKey) -> dict[str, object]:
    envelope = json.dumps(sign_envelope(b"{}", KEY).to_json())
    content = {"envelope": envelope, "verifiers": [b64(key.public_key().public_bytes(Encoding.PEM, SPKI))]}
    return {"kind": "dsse", "apiVersion": "0.0.1", "spec": {"proposedContent": content}}


def hashedrekord_entry(key: ec.EllipticCurvePrivateKey) -> dict[str, object]:
    signature = KEY.sign(b"artifact", ec.ECDSA(hashes.SHA256()))
    digest = {"algorithm": "sha256", "value": hashlib.sha256(b"artifact").hexdigest()}
    pem = {"content": b64(key.public_key().public_bytes(Encoding.PEM, SPKI))}
    spec = {"data": {"hash": digest}, "signature": {"content": b64(signature), "publicKey": pem}}
    return {"kind": "hashedrekord", "apiVersion": "0.0.1", "spec": spec}


def v2_entry(key: ec.EllipticCurvePrivateKey) -> dict[str, object]:
    signature = KEY.sign(b"artifact", ec.ECDSA(hashes.SHA256()))
    verifier = {"publicKey": {"rawBytes": b64(key.public_key().public_bytes(Encoding.DER, SPKI))}}
    request = {
        "digest": b64(hashlib.sha256(b"artifact").digest()),
        "signature": {"content": b64(signature), "verifier": verifier},
    }
    return {"hashedRekordRequestV002": request}


def post(path: str, value: object) -> tuple[int, dict[str, Any]]:
    response = answer(ROUTES, Request("POST", path, {}, {}, json.dumps(value).encode()), NOW)
    return response.status, json.loads(response.body)


V1, V2 = "/api/v1/log/entries", "/api/v2/log/entries"
KINDS = pytest.mark.parametrize(
    ("path", "entry"),
    [(V1, dsse_entry), (V1, hashedrekord_entry), (V2, v2_entry)],
    ids=["v1-dsse", "v1-hashedrekord", "v2-hashedrekord"],
)


@KINDS
def test_a_signature_under_a_key_is_logged_with_that_key(path: str, entry: Any) -> None:
    status, reply = post(path, entry(KEY))
    assert status == 201
    body = reply["canonicalizedBody"] if path == V2 else next(iter(reply.values()))["body"]
    form = Encoding.DER if path == V2 else Encoding.PEM
    assert b64(KEY.public_key().public_bytes(form, SPKI)) in base64.b64decode(body).decode()


@KINDS
def test_a_signature_under_another_key_is_not_logged(path: str, entry: Any) -> None:
    status, reply = post(path, entry(OTHER))
    assert status == 400
    assert "does not verify" in reply["message"]


@KINDS
def test_a_key_of_another_curve_is_not_taken(path: str, entry: Any) -> None:
    status, reply = post(path, entry(P384))
    assert status == 400
    assert "P-256" in reply["message"]
