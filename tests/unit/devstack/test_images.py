"""The demo's images: the same bytes wherever they are built, and whole in the eyes of our own reader."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from tidegate_publisher.devstack.demo.samples import HEALTH_CHECK, VERSION_FILE, sample_images
from tidegate_publisher.devstack.image import build_image, write_layout
from tidegate_wire.registry.digest import digest_of, hex_of
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from pathlib import Path

TREE = {"app/run.sh": "#!/bin/sh\n", "app/conf/name": "hello\n"}


def test_the_same_content_gives_the_same_digest() -> None:
    assert build_image([TREE], "amd64") == build_image([dict(reversed(TREE.items()))], "amd64")


def test_a_layer_is_the_same_on_every_machine() -> None:
    # The digest of the tar: unlike the packed layer's, no version of zlib changes it.
    config = json.loads(next(iter(build_image([TREE], "amd64").blobs.values())))
    assert config["rootfs"]["diff_ids"] == [
        "sha256:f2ce7f173e3ac5ebf4ba6a31858b23ca24df497d4c50886d578e5cf6813c10e7"
    ]


@pytest.mark.parametrize(
    ("layers", "architecture"),
    [([TREE], "arm64"), ([{**TREE, "app/conf/name": "other\n"}], "amd64"), ([TREE, {}], "amd64")],
)
def test_other_content_gives_another_digest(layers: list[dict[str, str]], architecture: str) -> None:
    assert build_image(layers, architecture).digest != build_image([TREE], "amd64").digest


def test_scripts_are_executable_and_nothing_tells_of_this_machine() -> None:
    image = build_image([TREE], "amd64")
    layer = image.blobs[json.loads(image.manifest)["layers"][0]["digest"]]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as tar:
        entries = tar.getmembers()
    assert [(entry.name, oct(entry.mode)) for entry in entries] == [
        ("app", "0o755"),
        ("app/conf", "0o755"),
        ("app/conf/name", "0o644"),
        ("app/run.sh", "0o755"),
    ]
    assert {(entry.uid, entry.gid, entry.uname, entry.mtime) for entry in entries} == {(0, 0, "", 0)}


def test_a_layout_holds_each_blob_under_its_digest_and_each_image_under_its_tag(tmp_path: Path) -> None:
    images = sample_images()
    write_layout(tmp_path / "images", images)
    for blob in (tmp_path / "images/blobs/sha256").iterdir():
        assert blob.name == hex_of(digest_of(blob.read_bytes()))
    for tag, image in images.items():
        source = LayoutSource(tmp_path / "images")
        assert source.resolve(tag) == image.digest
        assert source.manifest(image.digest) == image.manifest


def test_only_the_third_version_lacks_its_configuration() -> None:
    flawed, flawless = sample_images(), sample_images(flawless=True)
    assert [flawed[version].digest == flawless[version].digest for version in "123"] == [True, True, False]
    assert len({image.digest for image in flawed.values()}) == 3
    assert {HEALTH_CHECK, VERSION_FILE} == {"app/health.sh", "app/VERSION"}
