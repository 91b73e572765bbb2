"""The identity provider over HTTP: log in as anybody.

Three ways to a token: the authorization code flow with PKCE (RFC 7636) for clients that open a browser;
GitHub's request for an id token inside a job; and `POST /dev/token` with the claims one wants.
"""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from tidegate_publisher.devstack.sigstore.claims import email_claims, github_claims
from tidegate_publisher.devstack.sigstore.oidc import AUDIENCE, TOKEN_LIFETIME, discovery
from tidegate_publisher.devstack.sigstore.service.messages import (
    HttpError,
    Request,
    Response,
    Routes,
    find,
    json_response,
)
from tidegate_publisher.devstack.sigstore.trust import OIDC_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
GITHUB_PATH = "/dev/github-token"
TOKEN_PATH = "/dev/token"  # noqa: S105 - a path, not a secret
CODE_LIFETIME = timedelta(minutes=5)
MAX_CODES = 64


@dataclass(frozen=True, slots=True)
class _Grant:
    """What a code stands for until it is used once."""

    email: str
    client: str
    challenge: str
    nonce: str | None
    expires: datetime


class OidcService:
    """The identity provider of an instance, known to clients as `issuer`."""

    def __init__(self, sigstore: LocalSigstore, url: str) -> None:
        self._provider = sigstore.oidc
        self.issuer = url + OIDC_PATH
        self._codes: dict[str, _Grant] = {}
        self._lock = threading.Lock()

    def routes(self) -> Routes:
        """What this service answers."""
        return {
            ("GET", f"{OIDC_PATH}/.well-known/openid-configuration"): self._discovery,
            ("GET", f"{OIDC_PATH}/keys"): self._keys,
            ("GET", f"{OIDC_PATH}/auth"): self._authorize,
            ("POST", f"{OIDC_PATH}/token"): self._exchange,
            ("POST", TOKEN_PATH): self._mint,
            ("GET", GITHUB_PATH): self._github,
        }

    def _discovery(self, _request: Request, _now: datetime) -> Response:
        return json_response(discovery(self.issuer))

    def _keys(self, _request: Request, _now: datetime) -> Response:
        return json_response(self._provider.jwks())

    def _mint(self, request: Request, now: datetime) -> Response:
        claims = find(request.json(), "claims")
        if not isinstance(claims, dict):
            raise HttpError(400, 'send {"claims": {…}} with the claims that the token shall carry')
        named = {"iss": self.issuer, **claims}
        return json_response({"token": self._provider.mint(named, now)})

    def _github(self, request: Request, now: datetime) -> Response:
        query = dict(request.query)
        audience = query.pop("audience", AUDIENCE)
        if "repository" not in query:
            raise HttpError(400, "the request's URL needs ?repository=OWNER/NAME")
        return json_response({"value": self._provider.mint(github_claims(**query), now, audience=audience)})

    def _authorize(self, request: Request, now: datetime) -> Response:
        query = request.query
        target = query.get("redirect_uri", "")
        if target != OUT_OF_BAND and not _is_loopback(target):
            raise HttpError(400, "redirect_uri must be an http URL on this machine")
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            raise HttpError(400, "this provider asks for PKCE with S256")
        email = query.get("email")
        if not email:
            return _page(_login_form(query))
        code = self._grant(query, email, now)
        if target == OUT_OF_BAND:
            return _page(f"<p>Verification code: <code>{code}</code></p>")
        answer = urlencode({"code": code, "state": query.get("state", "")})
        return Response(302, "text/plain", b"", (("Location", f"{target}?{answer}"),))

    def _grant(self, query: Mapping[str, str], email: str, now: datetime) -> str:
        code = secrets.token_urlsafe(16)
        client, challenge = query.get("client_id", AUDIENCE), query["code_challenge"]
        with self._lock:
            self._codes = {key: one for key, one in self._codes.items() if one.expires > now}
            if len(self._codes) >= MAX_CODES:
                raise HttpError(429, "too many unfinished logins; wait five minutes")
            self._codes[code] = _Grant(email, client, challenge, query.get("nonce"), now + CODE_LIFETIME)
        return code

    def _exchange(self, request: Request, now: datetime) -> Response:
        form = request.form()
        with self._lock:
            grant = self._codes.pop(form.get("code", ""), None)
        if form.get("grant_type") != "authorization_code" or grant is None or grant.expires <= now:
            return json_response({"error": "invalid_grant"}, 400)
        if not secrets.compare_digest(_challenge(form.get("code_verifier", "")), grant.challenge):
            return json_response({"error": "invalid_grant"}, 400)
        claims = email_claims(grant.email, self.issuer)
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        token = self._provider.mint(claims, now, audience=grant.client)
        lifetime = int(TOKEN_LIFETIME.total_seconds())
        answer = {"access_token": token, "id_token": token, "token_type": "Bearer", "expires_in": lifetime}
        return json_response(answer)


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _is_loopback(target: str) -> bool:
    parts = urlsplit(target)
    return parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}


def _login_form(query: Mapping[str, str]) -> str:
    kept = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in query.items()
    )
    return (
        f'<form>{kept}<label>Sign in as <input name="email" type="email"></label><button>Go</button></form>'
    )


def _page(content: str) -> Response:
    head = "<!doctype html><title>Development login</title><h1>Development only: be anybody</h1>"
    return Response(200, "text/html; charset=utf-8", (head + content).encode())
