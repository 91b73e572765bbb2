"""More than ten thousand altered bundles: each is refused with a code, or says exactly what was signed.

An alteration of parts that nothing depends on (a key's order, the log's global index) may pass; what then
comes out has to be the signed bytes and the true signer, unchanged.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.bundles import PERSON, a_message, accepted
from tests.support.statements import NOON, a_statement
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER, LocalSigstore
from tidegate_schemas.codes import TidegateError
from tidegate_wire.trust.describe import describe_unverified
from tidegate_wire.trust.root import parse_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIGSTORE = LocalSigstore.create(NOON)
ROOT = SIGSTORE.trusted_root_json().encode()
PAYLOAD = a_statement().to_json()
MESSAGES = [a_message(SIGSTORE, PAYLOAD, rekor="v1"), a_message(SIGSTORE, PAYLOAD, rekor="v2")]
OTHER = [
    a_message(SIGSTORE, a_statement(sequence=2).to_json(), rekor="v1", email="other@example.org"),
    a_message(SIGSTORE, a_statement(sequence=2).to_json(), rekor="v2"),
    a_message(LocalSigstore.create(NOON), PAYLOAD, rekor="v2"),
]
Path = tuple[str | int, ...]


def _paths(value: object, path: Path = ()) -> Iterator[Path]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*path, key))


PLACES = [(index, path) for index, raw in enumerate(MESSAGES) for path in _paths(json.loads(raw)) if path]
EDITS = st.tuples(st.integers(0, 7000), st.integers(0, 40), st.binary(max_size=8))
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=20),
    st.sampled_from(["", "0", "-1", "1e3", str(2**63), "AAAA", "\N{ARABIC-INDIC DIGIT ONE}"]),
    st.sampled_from([[], {}, [[]], [None], {"": None}]),
)


def _check(raw: bytes, root: bytes = ROOT) -> bool:
    """Whether it was accepted; fails when it was and should not have been."""
    with contextlib.suppress(TidegateError):
        describe_unverified(raw)
    try:
        found = accepted(raw, parse_root(root, "the test's root"))
    except TidegateError:
        return False
    assert found.payload == PAYLOAD
    assert (found.identity, found.issuer, found.signed_at_least) == (PERSON, DEVELOPMENT_ISSUER, NOON)
    return True


def _change(raw: bytes, path: Path, change: Callable[[Any, Any], object]) -> bytes:
    bundle: Any = json.loads(raw)
    place = bundle
    for key in path[:-1]:
        place = place[key]
    change(place, path[-1])
    return json.dumps(bundle).encode()


def _flip(text: str, at: int, letter: str) -> str:
    at %= len(text) or 1
    return text[:at] + letter + text[at + 1 :]


@settings(max_examples=3000, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(PLACES), VALUES)
def test_a_value_replaced(place: tuple[int, Path], value: object) -> None:
    index, path = place
    _check(_change(MESSAGES[index], path, lambda parent, key: parent.__setitem__(key, value)))


@settings(max_examples=2500, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(PLACES), st.integers(0, 5000), st.sampled_from("ABCDwxyz0189+/= \n{"))
def test_a_character_replaced(place: tuple[int, Path], at: int, letter: str) -> None:
    index, path = place

    def change(parent: Any, key: Any) -> None:
        if isinstance(parent[key], str):
            parent[key] = _flip(parent[key], at, letter)

    _check(_change(MESSAGES[index], path, change))


@settings(max_examples=2000, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(PLACES), st.sampled_from(["drop", "double", "rename", "wrap"]))
def test_the_structure_changed(place: tuple[int, Path], how: str) -> None:
    index, path = place

    def change(parent: Any, key: Any) -> None:
        value = parent.pop(key)
        if how == "double" and isinstance(parent, list):
            parent.extend([value, value])
        elif how == "rename" and isinstance(parent, dict):
            parent[str(key).upper()] = value
        elif how == "wrap" and isinstance(parent, dict):
            parent[key] = [value]

    _check(_change(MESSAGES[index], path, change))


@settings(max_examples=3000, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(PLACES), st.sampled_from(OTHER))
def test_a_part_of_another_genuine_bundle(place: tuple[int, Path], donor: bytes) -> None:
    index, path = place
    part: Any = json.loads(donor)
    for key in path:
        try:
            part = part[key]
        except LookupError:
            return
    _check(_change(MESSAGES[index], path, lambda parent, key: parent.__setitem__(key, part)))


@settings(max_examples=3000, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(MESSAGES),
    st.lists(EDITS, min_size=1, max_size=3),
)
def test_bytes_replaced(message: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    raw = message
    for at, length, new in edits:
        start = at % len(raw)
        raw = raw[:start] + new + raw[start + length :]
    _check(raw)


@settings(max_examples=1000, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bundle_at_all(raw: bytes) -> None:
    assert not _check(raw)


ROOT_PLACES = [path for path in _paths(json.loads(ROOT)) if path]


@settings(max_examples=1000, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(ROOT_PLACES), VALUES)
def test_a_damaged_root_raises_nothing_else_either(path: Path, value: object) -> None:
    _check(MESSAGES[0], _change(ROOT, path, lambda parent, key: parent.__setitem__(key, value)))


def test_the_unaltered_bundles_are_accepted() -> None:
    assert all(map(_check, MESSAGES))


def test_the_bundles_of_others_would_be_noticed() -> None:
    # The first is by another signer and the last of another instance: refused. The second is genuine, and
    # says something else: an accepted change of content makes the check above fail.
    assert not _check(OTHER[0])
    assert not _check(OTHER[2])
    with pytest.raises(AssertionError):
        _check(OTHER[1])
