"""Enrolment where the folder of configuration cannot change places: in an overlay, and as a mount point."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.enrolling import enrol, mount, tree, values
from tidegate_agent.config import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@contextlib.contextmanager
def mounted(kind: str, place: Path, options: str) -> Iterator[None]:
    subprocess.run(["/bin/mount", "-t", kind, "-o", options, kind, place], check=True)
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", place], check=True)


def require_enrolled(tmp_path: Path, etc: Path) -> None:
    (etc / "agent.toml.d").mkdir(exist_ok=True)
    (etc / "agent.toml.d" / "90-mine.toml").write_text('[log]\nlevel = "debug"\n')
    content = values(tmp_path / "pki")
    for password in ("old", "new"):
        source = mount(tmp_path / password, content | {"bus-password": password.encode()})
        said = enrol(source, "--into", etc)
        assert (said.status, said.err) == (0, "")
    assert enrol(tmp_path / "new", "--into", etc).out.startswith("unchanged")
    settings = load((etc,)).settings
    assert (settings.bus.read_password(), settings.log.level) == ("new", "debug")
    assert [name for name in tree(etc.parent) if ".tidegate-enrol" in name] == []
    broken = mount(tmp_path / "broken", content | {"host.key": b"none"})
    before = tree(etc)
    assert enrol(broken, "--into", etc).status == 1
    assert tree(etc) == before


def test_in_the_lower_layer_of_an_overlay(tmp_path: Path) -> None:
    for name in ("lower/etc/tidegate", "upper", "work", "root"):
        (tmp_path / name).mkdir(parents=True)
    layers = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work,redirect_dir=off"
    with mounted("overlay", tmp_path / "root", layers):
        require_enrolled(tmp_path, tmp_path / "root/etc/tidegate")
    assert list((tmp_path / "lower/etc/tidegate").iterdir()) == []


def test_as_a_mount_point(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    with mounted("tmpfs", tmp_path / "etc", "mode=0755,size=8m"):
        require_enrolled(tmp_path, tmp_path / "etc")
