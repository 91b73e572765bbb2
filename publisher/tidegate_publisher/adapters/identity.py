"""Whose name is signed in: a token that was given, the CI system's own, or a person at a browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken

_TOKEN_BYTES: Final = 64 * 1024


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


def _unavailable(reason: str) -> TidegateError:
    return TidegateError(Code.IDENTITY_UNAVAILABLE, reason)


def _words(error: Exception) -> str:
    cause = error.__cause__
    said = str(error) or type(error).__name__
    return f"{said} ({cause})"[:400] if cause and str(cause) and str(cause) not in said else said[:400]
