"""OCI layouts that were made to lead us astray."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.images import describe, image, write_layout
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = image({"a": b"1"})
SECRET = b"root:x:0:0"
STOLEN = describe(SECRET)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    folder = tmp_path / "layout"
    write_layout(folder, {"v1": IMAGE.manifest}, IMAGE.blobs)
    (tmp_path / "secret").write_bytes(SECRET)
    return folder


def place(layout: Path) -> Path:
    return layout / "blobs/sha256" / STOLEN.digest.removeprefix("sha256:")


def refusal(layout: Path) -> Code:
    with pytest.raises(TidegateError) as caught, LayoutSource(layout).open_blob(STOLEN):
        pytest.fail("opened")
    return caught.value.code


def test_a_blob_that_is_a_link_is_refused(layout: Path) -> None:
    place(layout).symlink_to("../../../secret")
    assert refusal(layout) is Code.IMAGE_MALFORMED


def test_a_folder_that_is_a_link_is_refused(layout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (layout / "blobs/sha256").rename(elsewhere)
    (layout / "blobs/sha256").symlink_to(elsewhere)
    assert refusal(layout) is Code.IMAGE_MALFORMED


def test_an_index_that_is_a_link_is_refused(layout: Path, tmp_path: Path) -> None:
    (layout / "index.json").rename(tmp_path / "index.json")
    (layout / "index.json").symlink_to(tmp_path / "index.json")
    with pytest.raises(TidegateError) as caught:
        LayoutSource(layout).resolve("v1")
    assert caught.value.code is Code.IMAGE_MALFORMED


def test_a_blob_that_is_a_pipe_or_a_folder_is_refused(layout: Path) -> None:
    os.mkfifo(place(layout))
    assert refusal(layout) is Code.IMAGE_MALFORMED
    place(layout).unlink()
    place(layout).mkdir()
    assert refusal(layout) is Code.IMAGE_MALFORMED


def test_the_layout_itself_may_be_reached_by_a_link(layout: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(layout)
    assert LayoutSource(tmp_path / "current").resolve("v1") == IMAGE.digest


def test_no_layout_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(TidegateError) as caught:
        LayoutSource(tmp_path / "missing").resolve("v1")
    assert caught.value.code is Code.IMAGE_NOT_FOUND


@pytest.mark.parametrize(
    ("marker", "code"),
    [('{"imageLayoutVersion": "2.0.0"}', Code.IMAGE_UNSUPPORTED), ("", Code.IMAGE_MALFORMED)],
)
def test_another_version_of_layouts_is_refused(layout: Path, marker: str, code: Code) -> None:
    (layout / "oci-layout").write_text(marker)
    with pytest.raises(TidegateError) as caught:
        LayoutSource(layout).resolve("v1")
    assert caught.value.code is code


def test_a_tag_that_is_there_twice_is_ambiguous(layout: Path) -> None:
    other = image({"b": b"2"})
    write_layout(layout, {"v1": IMAGE.manifest, "v2": other.manifest}, other.blobs)
    text = (layout / "index.json").read_text()
    (layout / "index.json").write_text(text.replace('"v2"', '"v1"'))
    with pytest.raises(TidegateError) as caught:
        LayoutSource(layout).resolve("v1")
    assert caught.value.code is Code.IMAGE_MALFORMED


def test_a_tagged_manifest_must_be_what_the_index_says(layout: Path) -> None:
    (layout / "blobs/sha256" / IMAGE.digest.removeprefix("sha256:")).write_bytes(b"{}")
    with pytest.raises(TidegateError) as caught:
        LayoutSource(layout).resolve("v1")
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH
