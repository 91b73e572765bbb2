"""DSSE v1 envelopes: what is signed, and whether a key did (DSSE protocol.md, "Signature Definition")."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def signed_by(key: object, signature: bytes, message: bytes) -> bool:
    """Whether an EC P-256 key signed a message (ECDSA, SHA-256, DER); False for any other kind of key."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        return False
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    # ValueError: the signature is no DER at all.
    except (InvalidSignature, ValueError):
        return False
    return True
