"""A bundle under a key pair, for fleets without Sigstore: step 2 with a key in the place of a certificate.

Separate from certificates, and only where the policy asks for it. Nothing tells when such a signature was
made: freshness comes from the statement's own expiry and sequence. A log entry or timestamp that came along
is neither needed nor looked at. The bundle's hint of which key it was is ignored: each key of the policy is
tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.dsse import pae, signed_by
from tidegate_wire.trust.policy import KeySigner
from tidegate_wire.trust.signed import SignatureError, Signed

if TYPE_CHECKING:
    from tidegate_wire.trust.bundle import Envelope
    from tidegate_wire.trust.policy import SignerPolicy

NO_ISSUER: Final = "a key pair"
"""Stands where a certificate's issuer would: nobody vouches for a key but the host's own configuration."""


class UnusableKeyError(TidegateError):
    """A key that cannot be used: TRUST_KEY_UNUSABLE."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(Code.TRUST_KEY_UNUSABLE, f"the key {name} cannot be used: {why}")


def load_public_key(pem: str, name: str) -> ec.EllipticCurvePublicKey:
    """Read a public key: PEM (RFC 7468), EC P-256. `name` is for sentences.

    Raises:
        UnusableKeyError: it is something else.
    """
    try:
        key = load_pem_public_key(pem.encode())
    # ValueError, TypeError or UnsupportedAlgorithm: in each case it is no key for us.
    except Exception as error:
        raise UnusableKeyError(name, "it is not a public key in PEM form") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UnusableKeyError(name, "it is not an EC P-256 key")
    return key


def verify(envelope: Envelope, policy: SignerPolicy) -> Signed:
    """Verify an envelope against the keys of a policy.

    Raises:
        SignatureError: SIGNATURE_IDENTITY, none of the keys signed it.
        UnusableKeyError: a key of the policy cannot be read.
    """
    message = pae(envelope.payload_type, envelope.payload)
    return verify_message(envelope.payload, message, envelope.signatures[0].sig, policy)


def verify_message(payload: bytes, message: bytes, signature: bytes, policy: SignerPolicy) -> Signed:
    """Verify that one of the keys signed a message, which stands for a payload. Raises as `verify` does."""
    signers = [signer for signer in policy.any_of if isinstance(signer, KeySigner)]
    keys = [load_public_key(signer.public_key, signer.name) for signer in signers]
    found = [place for place, key in enumerate(keys) if signed_by(key, signature, message)]
    if not found:
        raise SignatureError(Code.SIGNATURE_IDENTITY, f"the signature is not by {policy}")
    return Signed(payload, signers[found[0]].name, NO_ISSUER, frozenset(found))
