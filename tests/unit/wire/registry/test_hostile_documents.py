"""What a document costs that is nothing but rubbish: bounded memory, whatever a stranger pushed."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.fakes.image_source import FakeImageSource
from tests.support.attaching import BUNDLE_V03, Artifact, artifact, cosign2_manifest, fallback_tag
from tests.support.images import describe, image, plain
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.attachments import MAX_ARTIFACT_MANIFEST_BYTES, fetch_attachments
from tidegate_wire.registry.checked_json import check_json
from tidegate_wire.registry.descriptor import MAX_LAYERS, MAX_MANIFEST_BYTES
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_MANIFEST
from tidegate_wire.registry.parsing import parse_config, parse_manifest_or_index
from tidegate_wire.registry.referrers import read_entries
from tidegate_wire.registry.simple_signing import MAX_TAGGED_MANIFEST_BYTES, fetch_simple_signing

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024
BOUND = 20 * MIB
IMAGE = image({"a": b"1"}, labels={"version": "1"})
ABOUT_IMAGE = describe(IMAGE.manifest, OCI_MANIFEST)
MANIFEST: dict[str, Any] = json.loads(IMAGE.manifest)
CONFIG: dict[str, Any] = {
    "architecture": "amd64",
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": []},
}
ENTRY = plain(ABOUT_IMAGE)
MANY = 50_000  # a fifth of what is let through: tracing is slow
WRONG_TEXTS = {f"{number:x}": 0 for number in range(MANY)}


def refusal(read: Callable[[], object]) -> tuple[TidegateError, int]:
    """The refusal, and the peak of Python's memory on the way to it, bytes."""
    tracemalloc.start()
    try:
        with pytest.raises(TidegateError) as caught:
            read()
        return caught.value, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def read_document(document: dict[str, Any]) -> object:
    raw = json.dumps(document, separators=(",", ":")).encode()
    assert len(raw) <= MAX_MANIFEST_BYTES
    return parse_manifest_or_index(raw, digest_of(raw))


def read_config(document: dict[str, Any]) -> object:
    raw = json.dumps(document, separators=(",", ":")).encode()
    return parse_config(raw, describe(raw))


@pytest.mark.parametrize("rubbish", [b"0", b"{}", b"[]", b'""', b'{"":0}'])
def test_more_values_than_any_honest_document_has_are_not_even_parsed(rubbish: bytes) -> None:
    raw = b'{"layers":[' + b",".join([rubbish] * (MAX_MANIFEST_BYTES // (len(rubbish) + 1) - 4)) + b"]}"
    error, peak = refusal(lambda: check_json(raw, "it"))
    assert (error.code, "more than 250000 values" in error.reason) == (Code.IMAGE_MALFORMED, True)
    assert peak < MIB


def test_the_largest_index_of_descriptors_is_below_that() -> None:
    entry = {**ENTRY, "platform": {"architecture": "arm64", "os": "linux", "variant": "v8"}}
    size = len(json.dumps(entry, separators=(",", ":")))
    document = {"manifests": [entry] * (MAX_MANIFEST_BYTES // size)}
    raw = json.dumps(document, separators=(",", ":")).encode()
    assert len(raw) > MAX_MANIFEST_BYTES - size
    assert check_json(raw, "it") == document


@pytest.mark.parametrize(
    "document",
    [
        {**MANIFEST, "layers": [0] * MANY},
        {**MANIFEST, "layers": [ENTRY] * MAX_LAYERS + [0] * MANY},
        {**MANIFEST, "annotations": WRONG_TEXTS},
        {**MANIFEST, "layers": [{**ENTRY, "annotations": WRONG_TEXTS}]},
        {**MANIFEST, "layers": [{**ENTRY, "annotations": dict.fromkeys("abcdefgh", 0)}] * 4_000},
        {"schemaVersion": 2, "manifests": [{}] * (MANY // 2)},
        {"schemaVersion": 2, "manifests": [{**ENTRY, "digest": None}] * 10_000},
    ],
    ids=["layers", "too many layers", "annotations", "a layer's", "all layers'", "manifests", "no digests"],
)
def test_one_fault_is_kept_and_not_a_fault_for_each_member(document: dict[str, Any]) -> None:
    error, peak = refusal(lambda: read_document(document))
    assert error.code is Code.IMAGE_MALFORMED
    # Faults lie in memory that is not Python's: they are counted instead.
    assert isinstance(error.__cause__, ValidationError)
    assert error.__cause__.error_count() <= 5
    assert peak < BOUND


@pytest.mark.parametrize(
    "changed",
    [
        {"rootfs": {"type": "layers", "diff_ids": [0] * MANY}},
        {"config": {"Labels": WRONG_TEXTS}},
    ],
    ids=["diff_ids", "labels"],
)
def test_of_a_config_too(changed: dict[str, Any]) -> None:
    error, peak = refusal(lambda: read_config(CONFIG | changed))
    assert isinstance(error.__cause__, ValidationError)
    assert error.__cause__.error_count() == 1
    assert peak < BOUND


def test_entries_of_a_list_are_looked_at_one_by_one() -> None:
    wrong = dict(list(WRONG_TEXTS.items())[MANY // 2 :])
    hostile = [{**ENTRY, "annotations": wrong}, *[0] * (MANY // 3), ENTRY]
    raw = json.dumps({"schemaVersion": 2, "manifests": hostile}).encode()
    tracemalloc.start()
    try:
        assert [entry.digest for entry in read_entries(raw, "it")] == [IMAGE.digest]
        assert tracemalloc.get_traced_memory()[1] < BOUND
    finally:
        tracemalloc.stop()


def filled(made: Artifact, size: int) -> Artifact:
    """The artifact, with annotations that bring its manifest to a size in bytes."""
    document = json.loads(made.manifest)
    document["annotations"] = {"filler": ""}
    room = size - len(json.dumps(document).encode())
    document["annotations"]["filler"] = "x" * room
    raw = json.dumps(document).encode()
    assert len(raw) == size
    return Artifact(raw, made.blobs, made.subject, made.artifact_type)


def test_an_artifacts_manifest_is_not_parsed_at_the_size_of_an_images() -> None:
    source = FakeImageSource()
    source.put(filled(artifact(ABOUT_IMAGE, b"kept", BUNDLE_V03), MAX_ARTIFACT_MANIFEST_BYTES))
    source.put(filled(artifact(ABOUT_IMAGE, b"left", BUNDLE_V03), MAX_ARTIFACT_MANIFEST_BYTES + 1))
    found = fetch_attachments(source, IMAGE.digest, BUNDLE_V03)
    assert found.contents == (b"kept",)
    assert "its manifest has more than 65536 bytes" in found.skipped[0]


def test_a_manifest_of_signatures_neither() -> None:
    source = FakeImageSource()
    tag = f"{fallback_tag(IMAGE.digest)}.sig"
    made = cosign2_manifest((b"payload", b"signature"))
    source.put(filled(made, MAX_TAGGED_MANIFEST_BYTES), tag)
    assert [each.payload for each in fetch_simple_signing(source, IMAGE.digest)] == [b"payload"]
    source.put(filled(made, MAX_TAGGED_MANIFEST_BYTES + 1), tag)
    error, _ = refusal(lambda: fetch_simple_signing(source, IMAGE.digest))
    assert error.code is Code.IMAGE_TOO_LARGE


def test_the_last_of_many_keys_may_be_the_second_of_its_name() -> None:
    # One look at each: comparing each with all the others would take ten thousand million.
    names = [f'"{number:x}":0' for number in range(100_000)]
    error, _ = refusal(lambda: check_json(f"{{{','.join([*names, names[-1]])}}}".encode(), "it"))
    assert "the key '1869f' is there twice" in error.reason


@given(st.lists(st.sampled_from(["a", "b", "c", "ä", "", "aa"]), max_size=6))
def test_a_key_that_is_there_twice_is_found_as_a_slow_look_finds_it(names: list[str]) -> None:
    raw = ("{" + ",".join(f"{json.dumps(name)}:0" for name in names) + "}").encode()
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if not twice:
        assert list(check_json(raw, "it")) == names
        return
    with pytest.raises(TidegateError) as caught:
        check_json(raw, "it")
    assert f"the key {twice[0]!r} is there twice" in caught.value.reason
