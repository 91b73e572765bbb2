"""The policy in sigstore-python's terms, and a memory of how far its verification came.

The library asks the policy in the middle of its work: after time, chain, SCT and key usage, before log entry
and signature. Whether it asked, and what it was told, is a fact about the refusal that no wording can change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigstore.verify import policy as sigstore_policy

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from tidegate_wire.trust.policy import Signer, SignerPolicy


class Gate:
    """A sigstore `VerificationPolicy` for one verification.

    Attributes:
        asked: the certificate was found genuine and handed to the policy.
        passed: the policy let it through.
    """

    def __init__(self, policy: SignerPolicy) -> None:
        self._policy = sigstore_policy.AnyOf([_exactly(signer) for signer in policy.any_of])
        self.asked = False
        self.passed = False

    def verify(self, cert: Certificate) -> None:
        """Raises unless the certificate is one of a signer in the policy."""
        self.asked = True
        self._policy.verify(cert)
        self.passed = True


def _exactly(signer: Signer) -> sigstore_policy.AllOf:
    # `Identity(issuer=…)` would read the issuer from the deprecated extension .1.1.
    identity = sigstore_policy.Identity(identity=signer.identity)
    return sigstore_policy.AllOf([identity, sigstore_policy.OIDCIssuerV2(signer.issuer)])
