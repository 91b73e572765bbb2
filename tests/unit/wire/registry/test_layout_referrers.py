"""Searching an OCI layout for what refers to an image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.attaching import (
    BUNDLE_V03,
    Artifact,
    artifact,
    fallback_tag,
    index_of,
    put_in_layout,
)
from tests.support.images import describe, image, plain, write_layout
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.layout import LayoutSource
from tidegate_wire.registry.layout_referrers import scan_referrers
from tidegate_wire.registry.media_types import OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = image({"a": b"1"})
ABOUT_IMAGE = describe(IMAGE.manifest, OCI_MANIFEST)
BUNDLE = artifact(ABOUT_IMAGE, b"bundle", BUNDLE_V03)
OTHER = artifact(describe(b"other", OCI_MANIFEST), b"about another", BUNDLE_V03)
SBOM = artifact(ABOUT_IMAGE, b"sbom", "application/spdx+json")


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    folder = tmp_path / "layout"
    write_layout(folder, {"v1": IMAGE.manifest}, IMAGE.blobs)
    return folder


def found(layout: Path) -> list[str]:
    return [entry.digest for entry in LayoutSource(layout).referrers(IMAGE.digest, BUNDLE_V03)]


def blob(layout: Path, digest: str) -> Path:
    return layout / "blobs/sha256" / digest.removeprefix("sha256:")


def relabel(layout: Path, **changed: object) -> None:
    """Change the last entry of index.json; None takes a member away."""
    document = json.loads((layout / "index.json").read_bytes())
    document["manifests"][-1].update(changed)
    last = document["manifests"][-1]
    document["manifests"][-1] = {name: value for name, value in last.items() if value is not None}
    (layout / "index.json").write_text(json.dumps(document))


def put_index(layout: Path, *listed: Artifact) -> None:
    """Put the index of a registry without referrers in, under its tag."""
    raw = index_of([made.entry for made in listed])
    blob(layout, digest_of(raw)).write_bytes(raw)
    for made in listed:
        for each in (made.manifest, *made.blobs):
            blob(layout, digest_of(each)).write_bytes(each)
    document = json.loads((layout / "index.json").read_bytes())
    named = {"org.opencontainers.image.ref.name": fallback_tag(IMAGE.digest)}
    document["manifests"].append({**plain(describe(raw, OCI_INDEX)), "annotations": named})
    (layout / "index.json").write_text(json.dumps(document))


def test_what_is_about_the_image_is_found_without_a_type_in_the_list(layout: Path) -> None:
    for made in (OTHER, SBOM, BUNDLE):
        put_in_layout(layout, made)
        relabel(layout, artifactType=None)
    assert found(layout) == [BUNDLE.digest]
    (entry,) = LayoutSource(layout).referrers(IMAGE.digest, BUNDLE_V03)
    assert entry.artifact_type == BUNDLE_V03


def test_a_type_in_the_list_does_not_stand_for_the_manifests(layout: Path) -> None:
    put_in_layout(layout, SBOM)
    relabel(layout, artifactType=BUNDLE_V03)
    assert found(layout) == []


def test_what_a_registrys_tag_lists_is_found_once(layout: Path) -> None:
    put_index(layout, BUNDLE, OTHER, SBOM)
    assert found(layout) == [BUNDLE.digest]
    put_in_layout(layout, BUNDLE)
    assert found(layout) == [BUNDLE.digest]


@pytest.mark.parametrize("raw", [None, b"", b"{}", b'{"a": 1, "a": 2}', IMAGE.manifest])
def test_a_damaged_manifest_does_not_hide_the_others(layout: Path, raw: bytes | None) -> None:
    damaged = artifact(ABOUT_IMAGE, b"damaged", BUNDLE_V03)
    put_in_layout(layout, damaged)
    put_in_layout(layout, BUNDLE)
    blob(layout, damaged.digest).unlink()
    if raw is not None:
        blob(layout, damaged.digest).write_bytes(raw)
    assert found(layout) == [BUNDLE.digest]


@pytest.mark.parametrize("name", ["oci-layout", "index.json"])
def test_a_layout_that_is_not_there_is_not_an_empty_list(layout: Path, name: str) -> None:
    (layout / name).unlink()
    with pytest.raises(TidegateError) as caught:
        found(layout)
    assert caught.value.code is Code.IMAGE_NOT_FOUND


@pytest.mark.parametrize("raw", [b"{}", b"no JSON", b'{"schemaVersion": 2, "manifests": 7}'])
def test_a_list_that_is_no_index_is_refused(layout: Path, raw: bytes) -> None:
    (layout / "index.json").write_bytes(raw)
    with pytest.raises(TidegateError) as caught:
        found(layout)
    assert caught.value.code is Code.IMAGE_MALFORMED


def numbered(count: int, size: int) -> dict[str, bytes]:
    """Manifests that are about nothing."""
    made = [b'{"pad": "%d%s"}' % (number, b"x" * size) for number in range(count)]
    return {digest_of(raw): raw for raw in made}


@pytest.mark.parametrize(("count", "size", "read"), [(1002, 0, 1000), (20, 4_000_000, 9)])
def test_a_search_that_is_given_up_does_not_prove_that_there_is_nothing(
    count: int, size: int, read: int
) -> None:
    there, asked = numbered(count, size), list[str]()

    def look(digest: str) -> bytes:
        asked.append(digest)
        return there[digest]

    entries = [describe(raw, OCI_MANIFEST) for raw in there.values()]
    with pytest.raises(TidegateError) as caught:
        scan_referrers(entries, look, IMAGE.digest, BUNDLE_V03)
    assert (caught.value.code, len(asked)) == (Code.IMAGE_TOO_LARGE, read)
    there[BUNDLE.digest] = BUNDLE.manifest
    (first,) = scan_referrers(
        [describe(BUNDLE.manifest, OCI_MANIFEST), *entries], look, IMAGE.digest, BUNDLE_V03
    )
    assert first.digest == BUNDLE.digest


def test_all_is_searched_up_to_the_limit() -> None:
    there = numbered(999, 0) | {BUNDLE.digest: BUNDLE.manifest}
    entries = [describe(raw, OCI_MANIFEST) for raw in there.values()]
    (last,) = scan_referrers(entries, there.__getitem__, IMAGE.digest, BUNDLE_V03)
    assert last.digest == BUNDLE.digest
