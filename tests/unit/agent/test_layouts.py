"""Where images are looked for that were carried to a host."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.layouts import ImageBuilder, file
from tidegate_agent.adapters.layouts import NAME, Layouts
from tidegate_agent.model import Follow
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.reference import parse_reference

OS, APP, TOOL = Follow("os", "stable"), Follow("app", "stable"), Follow("tool", "stable")


@pytest.fixture
def builder(tmp_path: Path) -> ImageBuilder:
    return ImageBuilder(tmp_path / "layout").layer([file("v")])


@pytest.fixture
def layouts(tmp_path: Path) -> Layouts:
    return Layouts(tmp_path / "state", (OS, APP))


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("archive", [False, True])
def test_an_image_that_was_brought_is_at_hand(
    builder: ImageBuilder, layouts: Layouts, tmp_path: Path, *, index: bool, archive: bool
) -> None:
    digest, place = builder.build("v1", index=index), builder.folder
    if archive:
        place = Path(shutil.make_archive(str(tmp_path / "release"), "tar", builder.folder))
    assert layouts.references(OS, digest) == ()
    layouts.bring(OS, place)
    (reference,) = layouts.references(OS, digest)
    assert str(parse_reference(reference)) == f"oci:{place}@{digest}"
    # After a restart, too; and for that channel alone.
    assert Layouts(tmp_path / "state", (OS,)).references(OS, digest) == (reference,)
    assert layouts.references(APP, digest) == ()


def test_another_image_is_not_looked_for_there(builder: ImageBuilder, layouts: Layouts) -> None:
    digest = builder.build("v1")
    layouts.bring(OS, builder.folder)
    assert layouts.references(OS, "sha256:" + "0" * 64) == ()
    blob = builder.folder / "blobs/sha256" / digest.removeprefix("sha256:")
    blob.write_bytes(blob.read_bytes() + b" ")
    assert layouts.references(OS, digest) == ()
    shutil.rmtree(builder.folder)
    assert layouts.references(OS, digest) == ()


def test_a_newer_layout_takes_the_place_of_an_older_one(
    builder: ImageBuilder, layouts: Layouts, tmp_path: Path
) -> None:
    digest = builder.build("v1")
    other = Path(shutil.copytree(builder.folder, tmp_path / "other"))
    for channel, place in ((OS, builder.folder), (APP, builder.folder), (OS, other)):
        layouts.bring(channel, place)
    assert layouts.references(OS, digest) == (f"oci:{other}@{digest}",)
    assert layouts.references(APP, digest) == (f"oci:{builder.folder}@{digest}",)


@pytest.mark.parametrize(
    ("follow", "place", "code", "told"),
    [
        (TOOL, "/", Code.REQUEST_INVALID, "the engine of tool/stable takes images from registries only"),
        (OS, "/nowhere", Code.REQUEST_INVALID, "the agent cannot see /nowhere"),
        (OS, "relative", Code.REFERENCE_INVALID, "must be absolute"),
        (OS, "/srv/a b", Code.REFERENCE_INVALID, "holds blanks"),
        (OS, "/srv/../etc", Code.REFERENCE_INVALID, "without '..'"),
    ],
)
def test_what_cannot_be_brought(layouts: Layouts, follow: Follow, place: str, code: Code, told: str) -> None:
    with pytest.raises(TidegateError) as caught:
        layouts.bring(follow, Path(place))
    assert caught.value.code is code
    assert told in caught.value.reason


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"os/stable": 1}', b'{"os/stable": "a@b"}', b"\xff"])
def test_a_damaged_record_says_nothing(layouts: Layouts, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / NAME).write_bytes(content)
    assert layouts.references(OS, "sha256:" + "0" * 64) == ()
