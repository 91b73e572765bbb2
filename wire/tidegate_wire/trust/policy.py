"""Who may sign for a channel. Plain data, exact matches only, no patterns (docs/threats.md, step 2)."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate_schemas.codes import Code, TidegateError


class PolicyError(TidegateError):
    """A policy that trusts nobody, or names a signer without saying who."""


@dataclass(frozen=True, slots=True)
class Signer:
    """One signer, both parts compared exactly.

    Attributes:
        identity: the certificate's only subject alternative name: a workflow's URI or an e-mail address.
        issuer: who vouched for it: Fulcio's issuer extension, OID 1.3.6.1.4.1.57264.1.8.

    Raises:
        PolicyError: TRUST_POLICY_EMPTY, one of the two is empty.
    """

    identity: str
    issuer: str

    def __post_init__(self) -> None:
        if not self.identity or not self.issuer:
            raise PolicyError(Code.TRUST_POLICY_EMPTY, "a signer needs both an identity and an issuer")

    def __str__(self) -> str:
        return f"{self.identity} (issuer {self.issuer})"


@dataclass(frozen=True, slots=True)
class SignerPolicy:
    """Any one of these signers is enough.

    Raises:
        PolicyError: TRUST_POLICY_EMPTY, there is none.
    """

    any_of: tuple[Signer, ...]

    def __post_init__(self) -> None:
        if not self.any_of:
            raise PolicyError(Code.TRUST_POLICY_EMPTY, "the policy names no signer, so it trusts nobody")

    def __str__(self) -> str:
        return " or ".join(str(signer) for signer in self.any_of)
