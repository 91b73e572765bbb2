"""Manifests, indexes and configs: what is read, and what is refused with which code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.images import describe, image, index
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.descriptor import Descriptor, Index, Manifest
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import (
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Compression,
    layer_compression,
)
from tidegate_wire.registry.parsing import parse_config, parse_manifest, parse_manifest_or_index

IMAGE = image({"a": b"1"}, {"b": b"2"}, labels={"version": "1"})
PLAIN: dict[str, Any] = json.loads(IMAGE.manifest)


def having(value: bytes) -> bytes:
    """The good manifest with one more member."""
    return IMAGE.manifest[:-1] + b', "future": ' + value + b"}"


def read(document: object) -> Manifest | Index:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_manifest_or_index(raw, digest_of(raw))


def code_of(document: object) -> Code:
    with pytest.raises(TidegateError) as caught:
        read(document)
    return caught.value.code


def test_a_manifest_is_read_and_unknown_members_are_ignored() -> None:
    found = read({**PLAIN, "future": {"x": 1}})
    assert isinstance(found, Manifest)
    assert found.layers == IMAGE.layers


@pytest.mark.parametrize("value", [b"[" * 31 + b"]" * 31, b'{"a":' * 31 + b"1" + b"}" * 31, b"1e400"])
def test_what_only_looks_odd_is_read(value: bytes) -> None:
    assert isinstance(read(having(value)), Manifest)


def test_dockers_manifest_is_read_too() -> None:
    assert isinstance(read({**PLAIN, "mediaType": DOCKER_MANIFEST}), Manifest)


def test_a_manifest_must_have_the_digest_that_is_asked_for() -> None:
    with pytest.raises(TidegateError) as caught:
        parse_manifest(IMAGE.manifest + b" ", IMAGE.digest)
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH


def test_an_index_is_no_manifest() -> None:
    raw = index(("amd64", IMAGE))
    with pytest.raises(TidegateError) as caught:
        parse_manifest(raw, digest_of(raw))
    assert caught.value.code is Code.IMAGE_MALFORMED


def changed(**changes: object) -> dict[str, object]:
    return {**PLAIN, "layers": [{**PLAIN["layers"][0], **changes}]}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"null",
        b"\xff{}",
        having(b"NaN"),
        having(b"-Infinity"),
        having(b'"\xff"'),
        IMAGE.manifest[:-1],
        IMAGE.manifest.replace(b'{"schemaVersion": 2', b'{"schemaVersion": 2, "schemaVersion": 2'),
        IMAGE.manifest.replace(b'"layers"', b'"layers": [], "l\\u0061yers"'),
        having(b"[" * 32 + b"]" * 32),
        having(b'{"a":' * 32 + b"1" + b"}" * 32),
        having(b"[" * 100_000 + b"]" * 100_000),
        {**PLAIN, "schemaVersion": 1},
        {**PLAIN, "schemaVersion": "2"},
        {**PLAIN, "schemaVersion": True},
        {**PLAIN, "manifests": []},
        {key: value for key, value in PLAIN.items() if key != "config"},
        {**PLAIN, "layers": [PLAIN["layers"][0]] * 501},
        changed(digest="sha512:" + "0" * 128),
        changed(digest=PLAIN["config"]["digest"].upper()),
        changed(digest="sha256:../../../etc/shadow"),
        changed(size=-1),
        changed(size=2**63),
        changed(size=1.5),
        changed(size="7"),
        changed(size=True),
        changed(mediaType=""),
        changed(annotations={"a": 1}),
    ],
)
def test_what_is_no_manifest_is_refused(document: object) -> None:
    assert code_of(document) is Code.IMAGE_MALFORMED


def test_schema_1_and_strangers_are_unsupported() -> None:
    old = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    assert code_of({**PLAIN, "mediaType": old}) is Code.IMAGE_UNSUPPORTED
    assert code_of({**PLAIN, "mediaType": OCI_INDEX}) is Code.IMAGE_UNSUPPORTED
    assert code_of({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "manifests": []}) is Code.IMAGE_UNSUPPORTED


def test_a_manifest_has_a_limit() -> None:
    assert code_of({**PLAIN, "pad": "x" * (4 * 1024 * 1024)}) is Code.IMAGE_TOO_LARGE


nested = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)


@given(st.binary(max_size=300) | nested.map(lambda value: json.dumps({**PLAIN, "layers": value}).encode()))
def test_anything_else_is_refused_with_a_code(raw: bytes) -> None:
    try:
        parse_manifest_or_index(raw, digest_of(raw))
    except TidegateError as error:
        assert error.code in {Code.IMAGE_MALFORMED, Code.IMAGE_UNSUPPORTED}  # noqa: PT017 - either is right


def test_a_config_is_read_and_checked_against_its_descriptor() -> None:
    raw = IMAGE.blobs[IMAGE.config.digest]
    config = parse_config(raw, IMAGE.config)
    assert config.config is not None
    assert config.config.labels == {"version": "1"}
    assert len(config.rootfs.diff_ids) == 2
    with pytest.raises(TidegateError) as caught:
        parse_config(raw + b" ", IMAGE.config)
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH


@pytest.mark.parametrize("labels", [None, {}])
def test_a_config_may_have_no_labels(labels: object) -> None:
    raw = json.dumps({**json.loads(IMAGE.blobs[IMAGE.config.digest]), "config": {"Labels": labels}}).encode()
    assert parse_config(raw, describe(raw)).architecture == "amd64"


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("application/vnd.oci.image.layer.v1.tar", Compression.NONE),
        ("application/vnd.oci.image.layer.v1.tar+zstd", Compression.ZSTD),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", Compression.GZIP),
    ],
)
def test_layers_say_how_they_are_packed(media_type: str, expected: Compression) -> None:
    assert layer_compression(media_type) is expected


def test_other_layers_are_unsupported() -> None:
    with pytest.raises(TidegateError) as caught:
        layer_compression("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    assert caught.value.code is Code.IMAGE_UNSUPPORTED


def test_a_descriptor_is_strict_in_python_too() -> None:
    with pytest.raises(ValueError, match="digest"):
        Descriptor(media_type="a", digest="sha256:" + "g" * 64, size=1)


@pytest.mark.parametrize("declared", [{}, [], {"a": 1}, 1, True])
def test_a_media_type_of_any_kind_is_refused_with_a_code(declared: object) -> None:
    assert code_of({**PLAIN, "mediaType": declared}) is Code.IMAGE_UNSUPPORTED


@pytest.mark.parametrize(
    "document",
    [
        {**PLAIN, "mediaType": "\x1b[2J"},
        {**PLAIN, "annotations": {"\x1b[2J": 1}},
        b'{"\\u001b[2J": 1, "\\u001b[2J": 2}',
    ],
)
def test_no_escape_sequence_gets_into_a_sentence(document: object) -> None:
    with pytest.raises(TidegateError) as caught:
        read(document)
    assert caught.value.reason.isprintable()
