"""DSSE envelopes: what is signed is the pre-authentication encoding of type and body.

Source: secure-systems-lab DSSE v1, protocol.md and envelope.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tidegate_publisher.devstack.sigstore.entry import encode

if TYPE_CHECKING:
    from collections.abc import Callable

IN_TOTO_TYPE = "application/vnd.in-toto+json"
SigningKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding; lengths are in bytes."""
    name = payload_type.encode()
    return b" ".join([b"DSSEv1", b"%d" % len(name), name, b"%d" % len(payload), payload])


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload and the raw signatures over its encoding. A good bundle has exactly one."""

    payload: bytes
    payload_type: str
    signatures: tuple[bytes, ...]

    def to_json(self) -> dict[str, object]:
        """The `io.intoto.Envelope` message."""
        return {
            "payload": encode(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"sig": encode(signature)} for signature in self.signatures],
        }


def signing_function(key: SigningKey) -> Callable[[bytes], bytes]:
    """How a key signs bytes: ECDSA with SHA-256 (any curve), or pure Ed25519."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign
    return lambda data: key.sign(data, ec.ECDSA(hashes.SHA256()))


def sign_envelope(payload: bytes, key: SigningKey, payload_type: str = IN_TOTO_TYPE) -> Envelope:
    """Sign a payload, whatever bytes it holds."""
    signature = signing_function(key)(pae(payload_type, payload))
    return Envelope(payload, payload_type, (signature,))
