"""A ConfigMap that is mounted where the agent looks for configuration is read as it is, without enrolment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.config_tree import MINIMAL, ConfigTree
from tests.support.enrolling import mount

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> ConfigTree:
    return ConfigTree(tmp_path)


@pytest.mark.parametrize("place", ["usr", "run", "etc"])
def test_as_the_folder_of_drop_ins(tree: ConfigTree, tmp_path: Path, place: str) -> None:
    tree.put("usr", "agent.toml", MINIMAL)
    folder = tmp_path / place / "agent.toml.d"
    mount(
        folder,
        {"10-a.toml": b'[log]\nlevel = "debug"\n', "20-b.toml": b'[host]\nid = "edge-1"\n', "note": b"?"},
    )
    loaded = tree.load()
    assert (loaded.settings.log.level, loaded.settings.host.id) == ("debug", "edge-1")
    assert loaded.files == (tmp_path / "usr/agent.toml", folder / "10-a.toml", folder / "20-b.toml")


def test_as_the_whole_folder(tree: ConfigTree, tmp_path: Path) -> None:
    # Drop-ins need a folder of their own: a ConfigMap has none, but `items` of a projected volume make it.
    mount(tmp_path / "etc", {"agent.toml": MINIMAL.encode(), "ca.pem": b"x"})
    (tmp_path / "etc" / "agent.toml.d").mkdir()
    assert tree.load().files == (tmp_path / "etc/agent.toml",)


def test_a_new_version_is_read_at_the_next_start(tree: ConfigTree, tmp_path: Path) -> None:
    tree.put("usr", "agent.toml", MINIMAL)
    folder = mount(tmp_path / "run/agent.toml.d", {"10-a.toml": b'[host]\nid = "old"\n'}, "..1")
    assert tree.load().settings.host.id == "old"
    mount(folder, {"10-a.toml": b'[host]\nid = "new"\n'}, "..2")
    assert tree.load().settings.host.id == "new"


@pytest.mark.parametrize("name", ["..2026_11_23.toml", "..data.toml"])
def test_kubelets_own_folders_are_never_taken_for_drop_ins(
    tree: ConfigTree, tmp_path: Path, name: str
) -> None:
    tree.put("usr", "agent.toml", MINIMAL)
    folder = mount(tmp_path / "run/agent.toml.d", {"10-a.toml": b""})
    (folder / name).mkdir()
    (folder / name / "10-a.toml").write_text("not read")
    (folder / ".10-a.toml.swp.toml").write_text("an editor's")
    assert [file.name for file in tree.load().files] == ["agent.toml", "10-a.toml"]
