"""What the local Sigstore's services refuse, and why, without a socket."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tidegate_publisher.devstack.sigstore import LocalSigstore, email_claims
from tidegate_publisher.devstack.sigstore.dsse import sign_envelope
from tidegate_publisher.devstack.sigstore.oidc import OidcIssuer
from tidegate_publisher.devstack.sigstore.service.messages import Request, Response
from tidegate_publisher.devstack.sigstore.service.server import answer, routes_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

NOW = datetime(2031, 5, 17, 12, 30, 15, tzinfo=UTC)
URL = "http://127.0.0.1:1"
SIGSTORE = LocalSigstore.create(NOW)
ROUTES = routes_of(SIGSTORE, URL)
KEY = ec.generate_private_key(ec.SECP256R1())
PERSON = email_claims("me@example.org")
FULCIO, V1, V2 = "/api/v2/signingCert", "/api/v1/log/entries", "/api/v2/log/entries"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def send(method: str, target: str, body: bytes = b"", token: str | None = None) -> Response:
    parts = urlsplit(target)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = Request(method, parts.path, dict(parse_qsl(parts.query)), headers, body)
    return answer(ROUTES, request, NOW)


def post(path: str, value: object, token: str | None = None) -> tuple[int, dict[str, object]]:
    response = send("POST", path, json.dumps(value).encode(), token)
    return response.status, json.loads(response.body)


def csr(key: CertificateIssuerPrivateKeyTypes = KEY) -> dict[str, object]:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return {"certificateSigningRequest": b64(request.public_bytes(Encoding.PEM))}


def with_proof(name: str) -> dict[str, object]:
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    proof = KEY.sign(name.encode(), ec.ECDSA(hashes.SHA256()))
    return {"publicKeyRequest": {"publicKey": {"content": pem}, "proofOfPossession": b64(proof)}}


def issued(reply: dict[str, object]) -> x509.Certificate:
    chain = reply["signedCertificateEmbeddedSct"]
    assert isinstance(chain, dict)
    return x509.load_pem_x509_certificate(chain["chain"]["certificates"][0].encode())


@pytest.mark.parametrize("body", [csr(), with_proof("me@example.org")])
def test_fulcio_certifies_the_key_that_was_proved(body: dict[str, object]) -> None:
    status, reply = post(FULCIO, body, SIGSTORE.oidc.mint(PERSON, NOW))
    assert status == 200
    leaf = issued(reply)
    assert leaf.public_key() == KEY.public_key()
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == ["me@example.org"]


def test_fulcio_takes_the_token_from_the_body_too() -> None:
    body = {**csr(), "credentials": {"oidcIdentityToken": SIGSTORE.oidc.mint(PERSON, NOW)}}
    assert post(FULCIO, body)[0] == 200


def test_fulcios_first_api_answers_with_the_chain_as_pem() -> None:
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    proof = KEY.sign(b"me@example.org", ec.ECDSA(hashes.SHA256()))
    body = {"publicKey": {"content": b64(pem), "algorithm": "ecdsa"}, "signedEmailAddress": b64(proof)}
    request = json.dumps(body).encode()
    reply = send("POST", "/api/v1/signingCert", request, SIGSTORE.oidc.mint(PERSON, NOW))
    leaf, *above = x509.load_pem_x509_certificates(reply.body)
    assert (reply.status, reply.content_type) == (201, "application/pem-certificate-chain")
    assert leaf.public_key() == KEY.public_key()
    assert above == [SIGSTORE.material.intermediate.certificate, SIGSTORE.material.root.certificate]
    another = SIGSTORE.oidc.mint(email_claims("another@example.org"), NOW)
    assert send("POST", "/api/v1/signingCert", request, another).status == 400


STRANGER = OidcIssuer.create()


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (None, "no identity token"),
        ("not.a.token", "refused"),
        (STRANGER.mint(PERSON, NOW), "Signature verification failed"),
        (SIGSTORE.oidc.mint(PERSON, NOW, audience="another"), "Audience"),
        (SIGSTORE.oidc.mint(PERSON, NOW - timedelta(hours=1)), "expired"),
        (SIGSTORE.oidc.mint(PERSON, NOW + timedelta(hours=1)), "not yet valid"),
        (SIGSTORE.oidc.mint({"iss": "https://issuer.example.org"}, NOW), "sub"),
    ],
)
def test_fulcio_refuses_a_token_that_is_not_good_now(token: str | None, reason: str) -> None:
    status, reply = post(FULCIO, csr(), token)
    assert status == 401
    assert reason in str(reply["message"])


P384 = ec.generate_private_key(ec.SECP384R1())
FORGED_CSR = csr()
_raw = base64.b64decode(str(FORGED_CSR["certificateSigningRequest"]))
_der = bytearray(x509.load_pem_x509_csr(_raw).public_bytes(Encoding.DER))
_der[-1] ^= 1
_forged = b64(
    b"-----BEGIN CERTIFICATE REQUEST-----\n"
    + base64.encodebytes(bytes(_der))
    + (b"-----END CERTIFICATE REQUEST-----\n")
)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "publicKeyRequest.publicKey.content"),
        (csr(P384), "P-256"),
        (with_proof("another@example.org"), "proofOfPossession"),
        ({"certificateSigningRequest": "%%%"}, "base64"),
        ({"certificateSigningRequest": b64(b"garbage")}, "cannot be read"),
        ({"certificateSigningRequest": _forged}, "own key"),
    ],
)
def test_fulcio_refuses_a_key_that_is_not_proved(body: dict[str, object], reason: str) -> None:
    status, reply = post(FULCIO, body, SIGSTORE.oidc.mint(PERSON, NOW))
    assert status == 400
    assert reason in str(reply["message"])


LEAF = SIGSTORE.certify(KEY.public_key(), PERSON, NOW)
OTHER_LEAF = SIGSTORE.certify(ec.generate_private_key(ec.SECP256R1()).public_key(), PERSON, NOW)
ENVELOPE = sign_envelope(b'{"a":1}', KEY)


def dsse_entry(leaf: x509.Certificate = LEAF, **changes: object) -> dict[str, object]:
    envelope = json.dumps({**ENVELOPE.to_json(), **changes})
    content = {"envelope": envelope, "verifiers": [b64(leaf.public_bytes(Encoding.PEM))]}
    return {"kind": "dsse", "apiVersion": "0.0.1", "spec": {"proposedContent": content}}


def v2_entry(leaf: x509.Certificate = LEAF, artifact: bytes = b"artifact") -> dict[str, object]:
    signature = KEY.sign(b"artifact", ec.ECDSA(hashes.SHA256()))
    verifier = {"x509Certificate": {"rawBytes": b64(leaf.public_bytes(Encoding.DER))}}
    request = {
        "digest": b64(hashlib.sha256(artifact).digest()),
        "signature": {"content": b64(signature), "verifier": verifier},
    }
    return {"hashedRekordRequestV002": request}


def test_rekor_logs_a_good_signature() -> None:
    assert post(V1, dsse_entry())[0] == 201
    assert post(V2, v2_entry())[0] == 201


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (V1, dsse_entry(OTHER_LEAF), "does not verify"),
        (V1, dsse_entry(payload=b64(b'{"a":2}')), "does not verify"),
        (V1, dsse_entry(payloadType="text/plain"), "does not verify"),
        (V1, dsse_entry(signatures=[]), "exactly one signature"),
        (V1, {**dsse_entry(), "kind": "intoto"}, "dsse and hashedrekord"),
        (V1, {**dsse_entry(), "apiVersion": "0.0.2"}, "0.0.1"),
        (V1, [], "JSON object"),
        (V2, v2_entry(OTHER_LEAF), "does not verify"),
        (V2, v2_entry(artifact=b"another"), "does not verify"),
        (V2, {"dsseRequestV002": {}}, "hashedRekordRequestV002"),
    ],
)
def test_rekor_refuses_what_it_could_not_vouch_for(path: str, body: object, reason: str) -> None:
    before = SIGSTORE.rekor_v1.append("dsse", b"x", NOW).log_index, SIGSTORE.rekor_v2.append(b"x").log_index
    status, reply = post(path, body)
    after = SIGSTORE.rekor_v1.append("dsse", b"x", NOW).log_index, SIGSTORE.rekor_v2.append(b"x").log_index
    assert status == 400
    assert reason in str(reply["message"])
    assert after == (before[0] + 1, before[1] + 1)


@given(st.sampled_from(sorted(path for method, path in ROUTES if method == "POST")), st.binary(max_size=300))
def test_garbage_is_refused_with_a_reason(path: str, garbage: bytes) -> None:
    response = send("POST", path, garbage, SIGSTORE.oidc.mint(PERSON, NOW))
    assert response.status == 400
    assert json.loads(response.body)


def test_deep_nesting_is_refused() -> None:
    response = send("POST", V1, b"[" * 100_000)
    assert response.status == 400
