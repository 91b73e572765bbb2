"""Rekor v2 (rekor-tiles): no time of its own, an Ed25519 checkpoint, and hashedrekord 0.0.2 for everything.

Source: sigstore/rekor-tiles CLIENTS.md; C2SP signed-note for the log's id.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from tidegate_publisher.devstack.sigstore.checkpoint import NoteSigner
from tidegate_publisher.devstack.sigstore.dsse import pae
from tidegate_publisher.devstack.sigstore.entry import LogEntry, encode
from tidegate_publisher.devstack.sigstore.tlog import TransparencyLog, canonical_json

if TYPE_CHECKING:
    from cryptography import x509

    from tidegate_publisher.devstack.sigstore.dsse import Envelope

# Clients derive the expected origin from the host of the log's baseUrl in the trusted root. It is a fixed
# name, not the address served on, so that the root outlives a change of port.
HOST = "rekor-v2.sigstore.tidegate.invalid"
KIND, VERSION = "hashedrekord", "0.0.2"
_ED25519 = b"\x01"


def key_details(certificate: x509.Certificate) -> str:
    """The name of the certificate's key type in sigstore's algorithm registry.

    Raises:
        ValueError: a key that Rekor v2 does not take.
    """
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "PKIX_ECDSA_P256_SHA_256"
    raise ValueError("this log takes signatures by ECDSA P-256 certificates only")


def hashedrekord_body(sha256: bytes, signature: bytes, certificate: x509.Certificate) -> bytes:
    """The canonical `hashedrekord` 0.0.2 entry for a signature over a digest.

    Raises:
        ValueError: the certificate's key is not a P-256 one.
    """
    verifier = {
        "keyDetails": key_details(certificate),
        "x509Certificate": {"rawBytes": encode(certificate.public_bytes(Encoding.DER))},
    }
    spec = {
        "data": {"algorithm": "SHA2_256", "digest": encode(sha256)},
        "signature": {"content": encode(signature), "verifier": verifier},
    }
    return canonical_json({"apiVersion": VERSION, "kind": KIND, "spec": {"hashedRekordV002": spec}})


class RekorV2:
    """A log under an Ed25519 key. It logs any body it is handed: what may come in, the HTTP side decides."""

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self.key = key
        named = HOST.encode() + b"\n" + _ED25519 + key.public_key().public_bytes_raw()
        self.log_id = hashlib.sha256(named).digest()
        self._log = TransparencyLog(NoteSigner(HOST, HOST, self.log_id[:4], key.sign))

    def append(self, body: bytes) -> LogEntry:
        """Log a hashedrekord body."""
        proof = self._log.append(body)
        return LogEntry(proof.log_index, self.log_id, KIND, VERSION, body, proof)

    def log_envelope(self, envelope: Envelope, certificate: x509.Certificate) -> LogEntry:
        """Log a DSSE envelope: the digest is taken over its pre-authentication encoding.

        Raises:
            ValueError: the envelope has no signature, or the certificate's key is not a P-256 one.
        """
        if not envelope.signatures:
            raise ValueError("the envelope has no signature to log")
        digest = hashlib.sha256(pae(envelope.payload_type, envelope.payload)).digest()
        return self.append(hashedrekord_body(digest, envelope.signatures[0], certificate))
