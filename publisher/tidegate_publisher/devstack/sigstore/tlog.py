"""The part that Rekor v1 and v2 share: an append-only tree behind a lock, which proves what it took in."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from tidegate_publisher.devstack.sigstore.entry import InclusionProof
from tidegate_publisher.devstack.sigstore.merkle import MerkleTree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate_publisher.devstack.sigstore.checkpoint import NoteSigner

# Protobuf's JSON drops zeros and empty lists: in an empty log the first entry would have index 0 and no
# siblings, cosign would leave both out, and sigstore-python would refuse its bundle.
SEED = b'{"apiVersion":"0.0.0","kind":"tidegate-development-seed"}'


def canonical_json(value: Mapping[str, object]) -> bytes:
    """JSON in the form of RFC 8785, for the ASCII strings, integers and containers that log entries hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class TransparencyLog:
    """A Merkle log that returns, for every entry, its inclusion proof under a fresh checkpoint.

    It lives in memory: after a restart it begins anew, seeded, under the same key. Bundles carry their own
    proof, so they stay valid; only somebody who compares checkpoints over time would see the fork.
    """

    def __init__(self, notes: NoteSigner) -> None:
        self._notes = notes
        self._tree = MerkleTree()
        self._lock = threading.Lock()
        self._tree.append(SEED)

    def append(self, body: bytes) -> InclusionProof:
        """Log a body and prove it. Safe to call from several threads."""
        with self._lock:
            index = self._tree.append(body)
            size, root = len(self._tree), self._tree.root()
            path = tuple(self._tree.inclusion_path(index))
        return InclusionProof(
            log_index=index,
            tree_size=size,
            root_hash=root,
            hashes=path,
            checkpoint=self._notes.checkpoint(size, root),
        )
