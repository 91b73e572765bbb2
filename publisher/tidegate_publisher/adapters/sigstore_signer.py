"""Keyless signing with sigstore-python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_publisher.adapters.bounded import within
from tidegate_publisher.adapters.trust_config import read_trust_config
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken

    from tidegate_publisher.adapters.identity import IdentitySource
    from tidegate_publisher.ports import SignerId


SIGNING_S: Final = 120.0


class SigstoreSigner:
    """See ports.Signer.

    Args:
        trust_config: a private Sigstore's client trust config; None is the public good instance.
        identity: where the signer's identity comes from.
        timeout_s: how long Fulcio, the log and the timestamp authority may take together, in seconds. A
            person who signs in may take as long as it takes.
    """

    def __init__(
        self, trust_config: Path | None, identity: IdentitySource, timeout_s: float = SIGNING_S
    ) -> None:
        self._timeout_s = timeout_s
        self._trust_config = trust_config
        self._identity = identity
        self._found: tuple[ClientTrustConfig, IdentityToken] | None = None

    def identity(self) -> SignerId | None:
        """See ports.Signer.identity. A person is asked to sign in for it, once."""
        from tidegate_publisher.adapters.identity import foreknown  # noqa: PLC0415 -- only where it is asked

        _, token = self._ready()
        return foreknown(token)

    def sign(self, payload: bytes) -> bytes:
        """See ports.Signer.sign."""
        from sigstore.dsse import Statement  # noqa: PLC0415 -- 0.4 s that other commands need not pay
        from sigstore.sign import SigningContext  # noqa: PLC0415 -- the same

        config, token = self._ready()
        # A CI's token lives for minutes: the next signature asks for another.
        self._found = None

        def sign() -> bytes:
            with SigningContext.from_trust_config(config).signer(token) as signer:
                return signer.sign_dsse(Statement(payload)).to_json().encode()

        try:
            return within(self._timeout_s, sign)
        # The library leaks its HTTP client's, its parsers' and its models' errors as they are.
        except Exception as error:
            raise TidegateError(Code.SIGN_FAILED, f"Signing failed: {_words(error)}") from error

    def _ready(self) -> tuple[ClientTrustConfig, IdentityToken]:
        if self._found is None:
            config = self._load()
            self._found = config, self._identity.find(config)
        return self._found

    def _load(self) -> ClientTrustConfig:
        from sigstore.models import ClientTrustConfig  # noqa: PLC0415 -- as above

        text = None if self._trust_config is None else read_trust_config(self._trust_config)
        try:
            return ClientTrustConfig.production() if text is None else ClientTrustConfig.from_json(text)
        except Exception as error:
            if text is None:
                reason = f"The public good Sigstore's configuration cannot be had: {_words(error)}"
                raise TidegateError(Code.SIGN_FAILED, reason) from error
            reason = f"--trust-config {self._trust_config} is not understood: {_words(error)}"
            raise TidegateError(Code.CONFIG_VALUE, reason) from error


def _words(error: Exception) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    cause = error.__cause__
    if cause is not None and str(cause) and str(cause) not in said:
        said = f"{said} ({' '.join(str(cause).split())})"
    return said[:400]
