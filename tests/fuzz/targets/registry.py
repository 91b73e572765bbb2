"""Documents of a registry or an image layout: manifests, indexes, configs, markers, tokens, challenges.

Every input goes to every reader: a registry decides what it answers with.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from tests.fuzz.oracle import read_plainly, require, require_clean
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.auth_file import parse_auth_file
from tidegate_wire.registry.challenge import choose_challenge, parse_challenges
from tidegate_wire.registry.descriptor import (
    MAX_INDEX_ENTRIES,
    MAX_LAYERS,
    MAX_MANIFEST_BYTES,
    Descriptor,
    Index,
    Manifest,
)
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.layout_index import check_layout_marker, tagged_digest
from tidegate_wire.registry.media_types import layer_compression
from tidegate_wire.registry.parsing import parse_config, parse_manifest_or_index
from tidegate_wire.registry.platform import select_platform
from tidegate_wire.registry.tokens import MAX_LIFETIME, read_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def check(data: bytes) -> None:
    """One input."""
    digest = digest_of(data)
    with _refusing():
        _check_document(parse_manifest_or_index(data, digest), data)
    with _refusing():
        parse_config(data, Descriptor(media_type="application/json", digest=digest, size=len(data)))
    with _refusing():
        check_layout_marker(data, "the layout")
    with _refusing():
        require(_DIGEST.fullmatch(tagged_digest(data, "1", "the layout")), "a tag leads to no digest")
    with _refusing():
        file = parse_auth_file(data, "auth.json")
        file.find("registry.example", "os/image")
        file.helper("registry.example")
    _check_wrong_digest(data)
    _check_token(data)
    choose_challenge(parse_challenges(data.decode("latin-1")))


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except TidegateError as error:
        require_clean(error)


def _check_document(document: Manifest | Index, data: bytes) -> None:
    reading = read_plainly(data)
    require(reading and not reading.repeated, "a document with a key twice is read")
    require(len(data) <= MAX_MANIFEST_BYTES, "a document beyond the cap is read")
    content = reading.value if reading else None
    require(isinstance(content, dict), "a document that is no object is read")
    both = (
        isinstance(content, dict) and "manifests" in content and ("layers" in content or "config" in content)
    )
    require(not both, "a document that is manifest and index at once is read")
    if isinstance(document, Index):
        require(len(document.manifests) <= MAX_INDEX_ENTRIES, "an index beyond the cap is read")
        _check_descriptors(*document.manifests)
        with _refusing():
            require(select_platform(document, "arm", "v7") in document.manifests, "an entry of no index")
        return
    require(len(document.layers) <= MAX_LAYERS, "a manifest beyond the cap is read")
    _check_descriptors(document.config, *document.layers)
    for layer in document.layers:
        with _refusing():
            layer_compression(layer.media_type)


def _check_descriptors(*descriptors: Descriptor) -> None:
    for each in descriptors:
        require(_DIGEST.fullmatch(each.digest), "a descriptor without a digest is read")
        require(0 <= each.size < 2**63, "a descriptor of an impossible size is read")


def _check_wrong_digest(data: bytes) -> None:
    _must_mismatch(lambda: parse_manifest_or_index(data, digest_of(data + b"\n")))


def _must_mismatch(read: Callable[[], object]) -> None:
    try:
        read()
    except TidegateError as error:
        require(error.code in (Code.IMAGE_DIGEST_MISMATCH, Code.IMAGE_TOO_LARGE), "looked into before hashed")
        return
    require(held=False, invariant="content with another digest is read")


def _check_token(data: bytes) -> None:
    try:
        token, lifetime = read_token(data)
    except ValueError:
        return
    require(token.isprintable() and token.isascii(), "a token that does not fit a header")
    require(0 <= lifetime <= MAX_LIFETIME, "a token that is used too long")
