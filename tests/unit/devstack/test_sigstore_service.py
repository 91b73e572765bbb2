"""What the local Sigstore's services refuse, and why, without a socket."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tidegate_publisher.devstack.sigstore import LocalSigstore, email_claims, github_claims
from tidegate_publisher.devstack.sigstore.dsse import sign_envelope
from tidegate_publisher.devstack.sigstore.oidc import OidcIssuer, TokenRefusedError
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


VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def authorize(**changes: str) -> Response:
    query = {
        "client_id": "sigstore",
        "redirect_uri": "http://localhost:9/back",
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return send("GET", f"/oidc/auth?{urlencode(query)}")


def code() -> str:
    location = dict(authorize(email="me@example.org").headers)["Location"]
    assert location.startswith("http://localhost:9/back?")
    answered = parse_qs(urlsplit(location).query)
    assert answered["state"] == ["s"]
    return answered["code"][0]


def exchange(one: str, verifier: str = VERIFIER) -> tuple[int, dict[str, str]]:
    form = {"grant_type": "authorization_code", "code": one, "code_verifier": verifier}
    response = send("POST", "/oidc/token", urlencode(form).encode())
    return response.status, json.loads(response.body)


def test_a_code_is_worth_one_token() -> None:
    one = code()
    status, reply = exchange(one)
    claims = SIGSTORE.oidc.verify(reply["access_token"], NOW)
    assert (status, claims["email"], claims["iss"]) == (200, "me@example.org", f"{URL}/oidc")
    assert exchange(one) == (400, {"error": "invalid_grant"})


def test_a_code_without_its_verifier_is_worth_nothing() -> None:
    one = code()
    assert exchange(one, "wrong")[0] == 400
    assert exchange(one)[0] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": "http://localhost.evil.example/back"},
        {"redirect_uri": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
    ],
)
def test_a_login_that_leaves_this_machine_or_pkce_out_is_refused(changes: dict[str, str]) -> None:
    assert authorize(email="me@example.org", **changes).status == 400


def test_the_login_page_carries_the_request_harmlessly() -> None:
    page = authorize(state='"><script>alert(1)</script>').body.decode()
    assert "<script>" not in page
    assert "Development only" in page


def test_unfinished_logins_are_bounded() -> None:
    sigstore = LocalSigstore.create(NOW)
    routes = routes_of(sigstore, URL)
    query = {
        "redirect_uri": "urn:ietf:wg:oauth:2.0:oob",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "email": "me@example.org",
    }
    request = Request("GET", "/oidc/auth", query, {}, b"")
    assert [answer(routes, request, NOW).status for _ in range(65)] == [200] * 64 + [429]
    assert answer(routes, request, NOW + timedelta(minutes=6)).status == 200


def test_discovery_leads_to_everything() -> None:
    document = json.loads(send("GET", "/oidc/.well-known/openid-configuration").body)
    assert document["issuer"] == f"{URL}/oidc"
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        path = document[name].removeprefix(URL)
        assert {("GET", path), ("POST", path)} & ROUTES.keys()


def test_a_token_with_chosen_claims() -> None:
    status, reply = post("/dev/token", {"claims": github_claims("acme/os")})
    claims = SIGSTORE.oidc.verify(str(reply["token"]), NOW)
    assert (status, claims["iss"]) == (200, "https://token.actions.githubusercontent.com")
    assert post("/dev/token", {"claims": "me"})[0] == 400


def test_a_token_holds_for_its_lifetime() -> None:
    token = SIGSTORE.oidc.mint(PERSON, NOW, timedelta(minutes=1))
    assert SIGSTORE.oidc.verify(token, NOW + timedelta(seconds=59))["sub"] == "me@example.org"
    with pytest.raises(TokenRefusedError, match="expired"):
        SIGSTORE.oidc.verify(token, NOW + timedelta(seconds=70))
