"""The Merkle tree of RFC 6962, section 2.1: SHA-256, with leaves and nodes in separate domains.

Pure: no I/O, no locks. `tlog.py` adds the lock and the checkpoint.
"""

from __future__ import annotations

import hashlib


def leaf_hash(data: bytes) -> bytes:
    """The hash of one entry; the prefix keeps a leaf from ever passing for a node (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over its two children, 32 bytes each."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def largest_power_below(size: int) -> int:
    """The split point k of RFC 6962, 2.1: the largest power of two smaller than `size` (at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


class MerkleTree:
    """An append-only tree that answers for every size it ever had.

    Complete subtrees are kept per level, so a root or a path costs O(log n) hashes in all but the last edge.
    """

    def __init__(self) -> None:
        self._levels: list[list[bytes]] = [[]]

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, data: bytes) -> int:
        """Add an entry and return its index, counted from 0."""
        carried = leaf_hash(data)
        for level in range(len(self._levels) + 1):
            if level == len(self._levels):
                self._levels.append([])
            nodes = self._levels[level]
            nodes.append(carried)
            if len(nodes) % 2:
                break
            carried = node_hash(nodes[-2], nodes[-1])
        return len(self) - 1

    def root(self, size: int | None = None) -> bytes:
        """The tree head over the first `size` entries (all, if not given).

        Raises:
            ValueError: the tree never had that size.
        """
        size = self._known_size(size)
        return self._subtree(0, size) if size else hashlib.sha256(b"").digest()

    def inclusion_path(self, index: int, size: int | None = None) -> list[bytes]:
        """The audit path of an entry, from the leaf upwards (RFC 6962, 2.1.1).

        Raises:
            ValueError: the tree never had that size, or no such entry at that size.
        """
        size = self._known_size(size)
        if not 0 <= index < size:
            raise ValueError(f"entry {index} is not in a tree of {size}")
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + largest_power_below(end - start)
            if index < middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(start, middle))
                start = middle
        path.reverse()
        return path

    def _known_size(self, size: int | None) -> int:
        if size is None:
            return len(self)
        if not 0 <= size <= len(self):
            raise ValueError(f"the tree has {len(self)} entries, not {size}")
        return size

    def _subtree(self, start: int, end: int) -> bytes:
        size = end - start
        if size & (size - 1) == 0:
            level = size.bit_length() - 1
            return self._levels[level][start >> level]
        middle = start + largest_power_below(size)
        return node_hash(self._subtree(start, middle), self._subtree(middle, end))


def root_from_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Recompute the root that an audit path proves (RFC 9162, 2.1.3.2).

    Args:
        leaf: the leaf's hash, 32 bytes.
        index: the entry's index, from 0.
        size: the tree's size when the path was made.
        path: the sibling hashes from the leaf upwards.

    Raises:
        ValueError: the path is too short or too long for that index and size.
    """
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a tree of {size}")
    node, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ValueError("the inclusion path is too long")
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ValueError("the inclusion path is too short")
    return result
