"""A folder becomes an image, and the embedded engine's own reader takes it apart again."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.model import ImageTarget
from tidegate_publisher.devstack.folder_image import pack_folder
from tidegate_publisher.devstack.image_command import image_command
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.layout import LayoutSource


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "app"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "run").write_text("#!/bin/sh\n")
    (made / "bin" / "run").chmod(0o755)
    (made / "run").symlink_to("bin/run")
    return made


def test_what_was_packed_is_what_is_staged(folder: Path, tmp_path: Path) -> None:
    digest = pack_folder(folder, tmp_path / "layout", "1", "amd64")
    engine = EmbeddedEngine(tmp_path / "store", lambda _: LayoutSource(tmp_path / "layout"))
    engine.stage(ImageTarget(digest, ("oci:any",), "amd64"), lambda _: None, lambda: False)
    engine.activate(digest)
    root = tmp_path / "store" / "current" / "rootfs"
    assert (root / "run").readlink() == Path("bin/run")
    assert (root / "bin" / "run").stat().st_mode & 0o777 == 0o755


def test_the_same_content_has_the_same_digest(folder: Path, tmp_path: Path) -> None:
    first = pack_folder(folder, tmp_path / "one", "1", "amd64")
    (folder / "bin" / "run").touch()
    assert pack_folder(folder, tmp_path / "two", "1", "amd64") == first


def test_a_layout_keeps_its_tags(folder: Path, tmp_path: Path) -> None:
    first = pack_folder(folder, tmp_path / "layout", "1", "amd64")
    (folder / "more").write_text("x")
    second = pack_folder(folder, tmp_path / "layout", "2", "amd64")
    source = LayoutSource(tmp_path / "layout")
    assert (source.resolve("1"), source.resolve("2")) == (first, second)


def test_what_cannot_be_written_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "layout").write_text("in the way")
    with pytest.raises(TidegateError) as caught:
        pack_folder(folder, tmp_path / "layout", "1", "amd64")
    assert caught.value.code is Code.DISK_IO


def test_the_command_prints_a_reference(folder: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(image_command, [str(folder), "--into", str(tmp_path / "layout")])
    assert result.output.startswith(f"oci:{tmp_path}/layout@sha256:")
