"""The policy as sigstore-python asks it, and a memory of how far its verification came.

The library asks the policy in the middle of its work: after time, chain, SCT and key usage, before log entry
and signature. Whether it asked, and what it was told, is a fact about the refusal that no wording can change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigstore.errors import VerificationError

from tidegate_wire.trust.evidence import claims_of
from tidegate_wire.trust.policy import Signer
from tidegate_wire.trust.rules import unmet

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from tidegate_wire.trust.policy import SignerPolicy


class Gate:
    """A sigstore `VerificationPolicy` for one verification.

    Attributes:
        asked: the certificate was found genuine and handed to the policy.
        passed: the signers of the policy that it is one of, by their places there; empty when refused.
    """

    def __init__(self, policy: SignerPolicy) -> None:
        self._policy = policy
        self.asked = False
        self.passed: frozenset[int] = frozenset()

    def verify(self, cert: Certificate) -> None:
        """Raises unless the certificate is one of a signer in the policy."""
        self.asked = True
        claims = claims_of(cert)
        self.passed = frozenset(
            place
            for place, signer in enumerate(self._policy.any_of)
            if isinstance(signer, Signer) and not unmet(signer.rule, claims)
        )
        if not self.passed:
            raise VerificationError("the certificate is nobody's in the policy")
