"""Whose name is signed in: a token that was given, the CI system's own, or a person at a browser."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tidegate_publisher.ports import SignerId
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken

_TOKEN_BYTES: Final = 64 * 1024
_GITHUB: Final = "https://token.actions.githubusercontent.com"
_GITLAB: Final = "https://gitlab.com"


@dataclass(frozen=True, slots=True)
class IdentitySource:
    """Where an identity may come from, in this order: token, token file, CI, person.

    Attributes:
        token: an OIDC token.
        token_file: a file that holds one; `-` is not understood, stdin is for releases.
        interactive: whether there is a person at a terminal.
        oob: show a link and ask for the code, rather than open a browser.
    """

    token: str | None = None
    token_file: Path | None = None
    interactive: bool = False
    oob: bool = False

    def check(self) -> None:
        """Find out early whether there is an identity, or a person to ask; nobody is asked yet.

        Raises:
            TidegateError: IDENTITY_UNAVAILABLE, CONFIG_MISSING.
        """
        self._at_hand()

    def needs_person(self) -> bool:
        """Whether somebody will be asked to sign in. Raises as `check`."""
        return self._at_hand() is None

    def find(self, config: ClientTrustConfig) -> IdentityToken:
        """The identity token.

        Raises:
            TidegateError: IDENTITY_UNAVAILABLE, CONFIG_MISSING.
        """
        return self._at_hand() or self._ask(config)

    def _at_hand(self) -> IdentityToken | None:
        from sigstore.oidc import IdentityError, IdentityToken, detect_credential  # noqa: PLC0415 -- 0.4 s

        try:
            raw = self._given() or detect_credential()
            if raw is not None:
                return IdentityToken(raw)
        except IdentityError as error:
            raise _unavailable(_words(error)) from error
        if not self.interactive:
            raise _unavailable("There is no identity to sign with, and nobody at a terminal to ask")
        return None

    def _given(self) -> str | None:
        if self.token is not None or self.token_file is None:
            return self.token
        try:
            with self.token_file.open("rb") as file:
                return file.read(_TOKEN_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = f"--identity-token-file {self.token_file} cannot be read as a token"
            raise TidegateError(Code.CONFIG_MISSING, reason) from error

    def _ask(self, config: ClientTrustConfig) -> IdentityToken:
        from sigstore.oidc import Issuer  # noqa: PLC0415 -- as above

        try:
            return Issuer(config.signing_config.get_oidc_url()).identity_token(force_oob=self.oob)
        # The flow leaks what browser, HTTP client and provider raise; to the caller all mean one thing.
        except Exception as error:
            raise _unavailable(f"Signing in failed: {_words(error)}") from error


def foreknown(token: IdentityToken) -> SignerId | None:
    """Whom a certificate for this token will name; None where that cannot be told from its claims.

    Source: Fulcio, docs/oidc.md and docs/oid-info.md (the subject alternative name of each provider).
    """
    claims, issuer = _claims(token), token.federated_issuer
    # Fulcio knows these two by their issuers; servers of one's own have URLs that no token tells.
    if issuer == _GITHUB and isinstance(claims.get("job_workflow_ref"), str):
        return SignerId(f"https://github.com/{claims['job_workflow_ref']}", issuer)
    if issuer == _GITLAB and isinstance(claims.get("ci_config_ref_uri"), str):
        return SignerId(f"https://{claims['ci_config_ref_uri']}", issuer)
    if issuer not in {_GITHUB, _GITLAB} and isinstance(claims.get("email"), str):
        return SignerId(str(claims["email"]), issuer)
    return None


def _claims(token: IdentityToken) -> dict[str, Any]:
    """The claims as they stand in the token (RFC 7519, 3); who made it need not be verified: it is ours."""
    part = str(token).split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found if isinstance(found, dict) else {}


def _unavailable(reason: str) -> TidegateError:
    return TidegateError(Code.IDENTITY_UNAVAILABLE, reason)


def _words(error: Exception) -> str:
    cause = error.__cause__
    said = str(error) or type(error).__name__
    return f"{said} ({cause})"[:400] if cause and str(cause) and str(cause) not in said else said[:400]
