"""Bearer tokens: what to ask a token server, and what to make of its answer. No I/O.

Source: distribution's token authentication specification (token.md, oauth.md).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from tidegate_wire.registry.auth_file import Credential
    from tidegate_wire.registry.challenge import Challenge

MAX_ANSWER = 64 * 1024
MAX_LIFETIME = 3600.0
_MAX_TOKEN = 16 * 1024
_DEFAULT_LIFETIME = 60.0  # token.md: "if omitted, this defaults to 60 seconds"
_MARGIN = 10.0


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One request to a token server."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None = None


def token_request(challenge: Challenge, credential: Credential | None, scope: str) -> TokenRequest:
    """What to ask for.

    Args:
        challenge: a bearer challenge with a realm.
        credential: what to show; None asks for an anonymous token.
        scope: what the token is to allow.
    """
    realm = challenge.parameters["realm"].partition("#")[0]
    asked = {"scope": scope}
    if service := challenge.parameters.get("service"):
        asked["service"] = service
    if credential is not None and credential.identity_token:
        asked |= {
            "grant_type": "refresh_token",
            "refresh_token": credential.identity_token,
            "client_id": "tidegate",
        }
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return TokenRequest("POST", realm, form, urlencode(asked).encode("ascii"))
    headers = {} if credential is None else {"Authorization": credential.basic()}
    return TokenRequest("GET", f"{realm}{'&' if '?' in realm else '?'}{urlencode(asked)}", headers)


def read_token(raw: bytes) -> tuple[str, float]:
    """Token, and the seconds that it may be used.

    Raises:
        ValueError: the answer holds no token that could go into a header.
    """
    try:
        document = json.loads(raw)
        token = document.get("token") or document.get("access_token")
        lifetime = float(document.get("expires_in") or _DEFAULT_LIFETIME)
    except (TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not the answer of a token server") from error
    if not isinstance(token, str) or not 0 < len(token) <= _MAX_TOKEN:
        raise ValueError("no token of a sensible length")
    if not token.isascii() or not token.isprintable():
        raise ValueError("a token with characters that do not belong into a header")
    # Written so that NaN, which compares as false, becomes 0.
    return token, max(0.0, min(MAX_LIFETIME, lifetime) - _MARGIN) if lifetime > 0 else 0.0
