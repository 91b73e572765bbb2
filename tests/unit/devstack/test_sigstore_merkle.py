"""The Merkle tree against the vectors that RFC 6962 logs share, and its proofs as properties."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_publisher.devstack.sigstore.merkle import MerkleTree, leaf_hash, root_from_path

# The leaves and roots of Google's certificate-transparency test suite, used by every implementation.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
entries = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def tree_of(leaves: list[bytes]) -> MerkleTree:
    tree = MerkleTree()
    for leaf in leaves:
        tree.append(leaf)
    return tree


def plain_root(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962, section 2.1 writes it down, without anything kept."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:middle]) + plain_root(leaves[middle:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_known_roots(size: int) -> None:
    assert tree_of(LEAVES).root(size).hex() == ROOTS[size - 1]
    assert tree_of(LEAVES[:size]).root().hex() == ROOTS[size - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert MerkleTree().root() == hashlib.sha256(b"").digest()


def test_a_known_path() -> None:
    path = [sibling.hex() for sibling in tree_of(LEAVES).inclusion_path(5, 8)]
    assert path == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(entries)
def test_every_root_is_the_one_of_the_definition(leaves: list[bytes]) -> None:
    tree = tree_of(leaves)
    assert [tree.root(size) for size in range(1, len(leaves) + 1)] == [
        plain_root(leaves[:size]) for size in range(1, len(leaves) + 1)
    ]


@given(entries, st.data())
def test_every_path_proves_its_entry_at_every_size(leaves: list[bytes], data: st.DataObject) -> None:
    tree = tree_of(leaves)
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion_path(index, size)
    assert root_from_path(leaf_hash(leaves[index]), index, size, path) == tree.root(size)


@given(st.sets(st.binary(max_size=8), min_size=2, max_size=70), st.data())
def test_a_path_proves_no_other_entry(leaves: set[bytes], data: st.DataObject) -> None:
    ordered = sorted(leaves)
    tree = tree_of(ordered)
    index = data.draw(st.integers(0, len(ordered) - 1))
    other = data.draw(st.integers(0, len(ordered) - 1).filter(lambda number: number != index))
    path = tree.inclusion_path(index)
    assert root_from_path(leaf_hash(ordered[other]), index, len(ordered), path) != tree.root()


@given(entries, st.data())
def test_a_path_of_another_length_is_refused(leaves: list[bytes], data: st.DataObject) -> None:
    tree = tree_of(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = tree.inclusion_path(index)
    with pytest.raises(ValueError, match="too long"):
        root_from_path(leaf_hash(leaves[index]), index, len(leaves), [*path, b"\x00" * 32])
    if path:
        with pytest.raises(ValueError, match="too short"):
            root_from_path(leaf_hash(leaves[index]), index, len(leaves), path[:-1])


@pytest.mark.parametrize(("index", "size"), [(8, 8), (-1, 8), (0, 0), (0, 9)])
def test_what_is_not_in_the_tree_has_no_path(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="entr"):
        tree_of(LEAVES).inclusion_path(index, size)
