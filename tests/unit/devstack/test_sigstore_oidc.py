"""Logging in to the development identity provider, without a socket."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from tidegate_publisher.devstack.sigstore import LocalSigstore, email_claims, github_claims
from tidegate_publisher.devstack.sigstore.oidc import TokenRefusedError
from tidegate_publisher.devstack.sigstore.service.messages import Request, Response
from tidegate_publisher.devstack.sigstore.service.server import answer, routes_of

NOW = datetime(2031, 5, 17, 12, 30, 15, tzinfo=UTC)
URL = "http://127.0.0.1:1"
SIGSTORE = LocalSigstore.create(NOW)
ROUTES = routes_of(SIGSTORE, URL)
PERSON = email_claims("me@example.org")


def send(method: str, target: str, body: bytes = b"") -> Response:
    parts = urlsplit(target)
    request = Request(method, parts.path, dict(parse_qsl(parts.query)), {}, body)
    return answer(ROUTES, request, NOW)


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
    response = send("POST", "/dev/token", json.dumps({"claims": github_claims("acme/os")}).encode())
    claims = SIGSTORE.oidc.verify(json.loads(response.body)["token"], NOW)
    assert claims["iss"] == "https://token.actions.githubusercontent.com"
    assert send("POST", "/dev/token", b'{"claims": "me"}').status == 400


def test_a_token_holds_for_its_lifetime() -> None:
    token = SIGSTORE.oidc.mint(PERSON, NOW, timedelta(minutes=1))
    assert SIGSTORE.oidc.verify(token, NOW + timedelta(seconds=59))["sub"] == "me@example.org"
    with pytest.raises(TokenRefusedError, match="expired"):
        SIGSTORE.oidc.verify(token, NOW + timedelta(seconds=70))
