"""Rekor v1: entries carry an integrated time and a signed promise (SET) besides the inclusion proof.

Source: sigstore/rekor, types dsse 0.0.1 and hashedrekord 0.0.1; openapi.yaml.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tidegate_publisher.devstack.sigstore.checkpoint import NoteSigner
from tidegate_publisher.devstack.sigstore.dsse import signing_function
from tidegate_publisher.devstack.sigstore.entry import LogEntry, encode
from tidegate_publisher.devstack.sigstore.keys import public_key_id
from tidegate_publisher.devstack.sigstore.merkle import leaf_hash
from tidegate_publisher.devstack.sigstore.tlog import TransparencyLog, canonical_json
from tidegate_publisher.devstack.sigstore.verifier import pem_of

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric import ec

    from tidegate_publisher.devstack.sigstore.dsse import Envelope
    from tidegate_publisher.devstack.sigstore.verifier import Verifier

HOST = "rekor-v1.sigstore.tidegate.invalid"
VERSION = "0.0.1"


def dsse_body(envelope: Envelope, verifier: Verifier, envelope_json: bytes) -> bytes:
    """The canonical `dsse` entry for an envelope.

    Args:
        envelope: what was signed.
        verifier: the signer's certificate or key.
        envelope_json: the envelope exactly as it was submitted; its hash is logged and nobody can check it.
    """
    pem = encode(pem_of(verifier))
    signatures = [{"signature": encode(one), "verifier": pem} for one in envelope.signatures]
    spec = {
        "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(envelope_json).hexdigest()},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(envelope.payload).hexdigest()},
        "signatures": signatures,
    }
    return canonical_json({"apiVersion": VERSION, "kind": "dsse", "spec": spec})


def hashedrekord_body(sha256: bytes, signature: bytes, verifier: Verifier) -> bytes:
    """The canonical `hashedrekord` entry for a signature over an artifact's digest."""
    pem = encode(pem_of(verifier))
    spec = {
        "data": {"hash": {"algorithm": "sha256", "value": sha256.hex()}},
        "signature": {"content": encode(signature), "publicKey": {"content": pem}},
    }
    return canonical_json({"apiVersion": VERSION, "kind": "hashedrekord", "spec": spec})


class RekorV1:
    """A log under a P-256 key. It logs any body it is handed: what may come in, the HTTP side decides."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self.key = key
        self.log_id = public_key_id(key.public_key())
        self._sign = signing_function(key)
        self.tree_id = int.from_bytes(self.log_id[:8]) >> 1
        origin = f"{HOST} - {self.tree_id}"
        self._log = TransparencyLog(NoteSigner(origin, HOST, self.log_id[:4], self._sign))

    def append(self, kind: str, body: bytes, now: datetime) -> LogEntry:
        """Log a body of that kind as integrated at `now`."""
        proof = self._log.append(body)
        time = int(now.timestamp())
        return LogEntry(
            log_index=proof.log_index,
            log_id=self.log_id,
            kind=kind,
            version=VERSION,
            body=body,
            proof=proof,
            integrated_time=time,
            promise=self.promise(body, time, proof.log_index),
        )

    def promise(self, body: bytes, integrated_time: int, log_index: int) -> bytes:
        """The signed entry timestamp over the canonical JSON of these values."""
        signed = {
            "body": encode(body),
            "integratedTime": integrated_time,
            "logID": self.log_id.hex(),
            "logIndex": log_index,
        }
        return self._sign(canonical_json(signed))

    def log_envelope(self, envelope: Envelope, verifier: Verifier, now: datetime) -> LogEntry:
        """Log a DSSE envelope."""
        body = dsse_body(envelope, verifier, canonical_json(envelope.to_json()))
        return self.append("dsse", body, now)

    def entry_id(self, entry: LogEntry) -> str:
        """The entry's id in Rekor's API: tree id and leaf hash, hex."""
        return f"{self.tree_id:016x}{leaf_hash(entry.body).hex()}"
