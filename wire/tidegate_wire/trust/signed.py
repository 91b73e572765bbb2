"""What the verification of one bundle comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidegate_schemas.codes import TidegateError


class SignatureError(TidegateError):
    """A bundle that is not by a trusted signer: one of the `signature.*` codes."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Content that somebody in the policy signed.

    Attributes:
        payload: the signed bytes.
        identity: who signed, as the certificate or the policy's key names them.
        issuer: who vouched for that; `keys.NO_ISSUER` for a key pair.
        stands_for: which signers of the policy that is, by their places there; at least one.
        not_before: the certificate's, a lower bound of the time of signing that the certificate authority
            signed for; None for a key pair.
    """

    payload: bytes
    identity: str
    issuer: str
    stands_for: frozenset[int]
    not_before: datetime | None = None

    @property
    def person(self) -> tuple[str, str]:
        """Who that is, whatever ref a CI job's workflow was taken from."""
        workflow, at, _ = self.identity.rpartition("@refs/")
        return (workflow if at and "://" in workflow else self.identity), self.issuer
