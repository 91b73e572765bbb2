"""A development identity provider: it gives anybody a token that says whatever they ask it to say.

Tokens are RS256 because cosign accepts no other header. Its Fulcio trusts this provider's key alone, and
takes any `iss` that it signed: a local release can look as if it came from GitHub, but only under this root.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tidegate_publisher.devstack.sigstore.keys import public_key_id

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.devstack.sigstore.claims import Claims

AUDIENCE = "sigstore"
TOKEN_LIFETIME = timedelta(minutes=10)
LEEWAY = timedelta(seconds=5)
_KEY_BITS, _PUBLIC_EXPONENT = 2048, 65537


class TokenRefusedError(ValueError):
    """A token that this provider did not sign, or not for Sigstore, or not for now."""


class OidcIssuer:
    """Mints and checks identity tokens under one RSA key."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self.key = key
        self.key_id = public_key_id(key.public_key()).hex()[:16]

    @classmethod
    def create(cls) -> OidcIssuer:
        """A provider with a new key (about 0.1 s)."""
        return cls(rsa.generate_private_key(_PUBLIC_EXPONENT, _KEY_BITS))

    def mint(
        self, claims: Claims, now: datetime, lifetime: timedelta = TOKEN_LIFETIME, audience: str = AUDIENCE
    ) -> str:
        """Sign a token, valid from `now`. Claims that are given win over those that are made up here."""
        times = {"iat": _seconds(now), "nbf": _seconds(now), "exp": _seconds(now + lifetime)}
        payload: dict[str, Any] = {"aud": audience, **times, **claims}
        return jwt.encode(payload, self.key, algorithm="RS256", headers={"kid": self.key_id})

    def verify(self, token: str, now: datetime) -> dict[str, Any]:
        """Check signature, audience and times, and return the claims.

        Raises:
            TokenRefusedError: one of them is wrong.
        """
        # Times are checked below against `now`: the library would read the clock itself.
        options: Any = {
            "require": ["iss", "aud", "sub", "iat", "exp"],
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
        }
        try:
            claims = jwt.decode(
                token, self.key.public_key(), algorithms=["RS256"], audience=AUDIENCE, options=options
            )
        except jwt.InvalidTokenError as error:
            raise TokenRefusedError(f"the identity token is refused: {error}") from error
        self._check_times(claims, now)
        return claims

    def _check_times(self, claims: dict[str, Any], now: datetime) -> None:
        begin, end = claims.get("nbf", claims["iat"]), claims["exp"]
        if not (isinstance(begin, int) and isinstance(end, int)):
            raise TokenRefusedError("the identity token's times are not whole seconds")
        if not _seconds(now - LEEWAY) < end:
            raise TokenRefusedError("the identity token has expired; get a new one")
        if begin > _seconds(now + LEEWAY):
            raise TokenRefusedError("the identity token is not yet valid; compare the clocks")

    def jwks(self) -> dict[str, object]:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        numbers = self.key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key_id,
            "n": _base64url(numbers.n),
            "e": _base64url(numbers.e),
        }
        return {"keys": [key]}


def discovery(issuer: str) -> dict[str, object]:
    """The provider's configuration document (OpenID Connect Discovery 1.0, section 3)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/auth",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/keys",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "email"],
        "claims_supported": ["aud", "email", "email_verified", "exp", "iat", "iss", "sub"],
    }


def _seconds(time: datetime) -> int:
    return int(time.timestamp())


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
