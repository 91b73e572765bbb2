from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.layouts import INDEX_TYPE, MANIFEST_TYPE, ImageBuilder, file
from tidegate_publisher.adapters.image_resolver import DigestOnlyResolver, RegistryResolver, check_mirrors
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def images(tmp_path: Path) -> ImageBuilder:
    return ImageBuilder(tmp_path / "layout")


def resolver() -> RegistryResolver:
    return RegistryResolver(RegistrySettings())


def refusal(reference: str) -> Code:
    with pytest.raises(TidegateError) as caught:
        resolver().resolve(reference)
    return caught.value.code


def test_a_tag_is_resolved(images: ImageBuilder) -> None:
    digest = images.layer([file("a")]).build(tag="v1")
    found = resolver().resolve(f"oci:{images.folder}:v1")
    assert (found.repository, found.digest, found.tag) == (f"oci:{images.folder}", digest, "v1")
    assert found.platforms == {}


def test_a_digest_decides_over_a_tag(images: ImageBuilder) -> None:
    first = images.layer([file("a")]).build(tag="v1")
    images.layer([file("b")]).build(tag="v1")
    found = resolver().resolve(f"oci:{images.folder}:v1@{first}")
    assert (found.digest, found.tag) == (first, None)


def test_an_index_tells_its_linux_platforms(images: ImageBuilder) -> None:
    image = images.layer([file("a")]).build()
    names = [
        ("linux", "amd64", None),
        ("linux", "arm", "v7"),
        ("linux", "arm64", "v8"),
        ("unknown", "unknown", None),
    ]
    entries = [
        {
            "mediaType": MANIFEST_TYPE,
            "digest": image,
            "size": images.blob_path(image).stat().st_size,
            "platform": {"os": os, "architecture": arch} | ({"variant": variant} if variant else {}),
        }
        for os, arch, variant in names
    ]
    top = images.blob(INDEX_TYPE, {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries})
    found = resolver().resolve(f"oci:{images.folder}@{top['digest']}")
    assert found.platforms == {"amd64": image, "arm/v7": image, "arm64": image}


def test_what_is_not_there(images: ImageBuilder) -> None:
    assert refusal(f"oci:{images.folder}:none") is Code.REFERENCE_NO_DIGEST
    assert refusal(f"oci:{images.folder}") is Code.REFERENCE_NO_DIGEST
    assert refusal(f"oci:{images.folder}@{DIGEST}") is Code.IMAGE_NOT_FOUND
    assert refusal("os") is Code.REFERENCE_INVALID


def test_without_asking_only_a_digest_will_do() -> None:
    found = DigestOnlyResolver().resolve(f"registry.example/os:1@{DIGEST}")
    assert (found.repository, found.digest) == ("registry.example/os", DIGEST)
    with pytest.raises(TidegateError, match="names no digest"):
        DigestOnlyResolver().resolve("registry.example/os:1")


@pytest.mark.parametrize("mirror", ["mirror.example/os:1", f"mirror.example/os@{DIGEST}", "os"])
def test_a_mirror_is_a_repository_alone(mirror: str) -> None:
    check_mirrors(("mirror.example/os", "oci:/srv/os"))
    with pytest.raises(TidegateError) as caught:
        check_mirrors((mirror,))
    assert caught.value.code is Code.REFERENCE_INVALID
