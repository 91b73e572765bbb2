"""A transparency log entry with everything that proves it, in the form a bundle carries.

Plain frozen data: a test that needs a defective entry uses `dataclasses.replace`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass


def encode(data: bytes) -> str:
    """Base64 with padding, as protobuf's JSON mapping writes bytes."""
    return base64.b64encode(data).decode()


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Proof that an entry is in the tree that the checkpoint signs.

    Attributes:
        log_index: the entry's index in this tree, from 0.
        tree_size: the number of entries in the tree.
        root_hash: the tree's root, 32 bytes.
        hashes: the audit path from the leaf upwards, 32 bytes each.
        checkpoint: the signed note over `tree_size` and `root_hash`.
    """

    log_index: int
    tree_size: int
    root_hash: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str

    def to_json(self) -> dict[str, object]:
        """The `dev.sigstore.rekor.v1.InclusionProof` message."""
        return {
            "logIndex": str(self.log_index),
            "rootHash": encode(self.root_hash),
            "treeSize": str(self.tree_size),
            "hashes": [encode(sibling) for sibling in self.hashes],
            "checkpoint": {"envelope": self.checkpoint},
        }


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of a log.

    Attributes:
        log_index: the entry's index in the log, from 0.
        log_id: the log's id, 32 bytes.
        kind: `dsse` or `hashedrekord`.
        version: the kind's version, `0.0.1` on Rekor v1, `0.0.2` on v2.
        body: the canonical JSON that is the Merkle leaf.
        proof: the inclusion proof.
        integrated_time: seconds since 1970; only Rekor v1 has one.
        promise: the signed entry timestamp; only Rekor v1 has one.
    """

    log_index: int
    log_id: bytes
    kind: str
    version: str
    body: bytes
    proof: InclusionProof | None
    integrated_time: int | None = None
    promise: bytes | None = None

    def to_json(self) -> dict[str, object]:
        """The `dev.sigstore.rekor.v1.TransparencyLogEntry` message; what is None is left out."""
        message: dict[str, object] = {
            "logIndex": str(self.log_index),
            "logId": {"keyId": encode(self.log_id)},
            "kindVersion": {"kind": self.kind, "version": self.version},
            "canonicalizedBody": encode(self.body),
        }
        if self.integrated_time is not None:
            message["integratedTime"] = str(self.integrated_time)
        if self.promise is not None:
            message["inclusionPromise"] = {"signedEntryTimestamp": encode(self.promise)}
        if self.proof is not None:
            message["inclusionProof"] = self.proof.to_json()
        return message
