"""Rekor v2 (rekor-tiles): no time of its own, an Ed25519 checkpoint, and hashedrekord 0.0.2 for everything.

Source: sigstore/rekor-tiles CLIENTS.md; C2SP signed-note for the log's id.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tidegate_publisher.devstack.sigstore.checkpoint import NoteSigner
from tidegate_publisher.devstack.sigstore.dsse import pae
from tidegate_publisher.devstack.sigstore.entry import LogEntry, encode
from tidegate_publisher.devstack.sigstore.tlog import TransparencyLog, canonical_json
from tidegate_publisher.devstack.sigstore.verifier import key_of, message_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    from tidegate_publisher.devstack.sigstore.dsse import Envelope
    from tidegate_publisher.devstack.sigstore.verifier import Verifier

# Clients derive the expected origin from the host of the log's baseUrl in the trusted root. It is a fixed
# name, not the address served on, so that the root outlives a change of port.
HOST = "rekor-v2.sigstore.tidegate.invalid"
KIND, VERSION = "hashedrekord", "0.0.2"
P256_KEY = "PKIX_ECDSA_P256_SHA_256"  # its name in sigstore's algorithm registry
_ED25519 = b"\x01"


def hashedrekord_body(sha256: bytes, signature: bytes, verifier: Verifier) -> bytes:
    """The canonical `hashedrekord` 0.0.2 entry for a signature over a digest.

    Raises:
        ValueError: the verifier's key is not a P-256 one.
    """
    key_of(verifier)
    spec = {
        "data": {"algorithm": "SHA2_256", "digest": encode(sha256)},
        "signature": {
            "content": encode(signature),
            "verifier": {"keyDetails": P256_KEY, **message_of(verifier)},
        },
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

    def log_envelope(self, envelope: Envelope, verifier: Verifier) -> LogEntry:
        """Log a DSSE envelope: the digest is taken over its pre-authentication encoding.

        Raises:
            ValueError: the envelope has no signature, or the verifier's key is not a P-256 one.
        """
        if not envelope.signatures:
            raise ValueError("the envelope has no signature to log")
        digest = hashlib.sha256(pae(envelope.payload_type, envelope.payload)).digest()
        return self.append(hashedrekord_body(digest, envelope.signatures[0], verifier))
