"""The embedded engine's pointers, and what a kill may leave beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.engines.embedded.generations import Pointers
from tidegate_agent.engines.embedded.store import Store
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path


def test_links_of_a_switch_that_was_killed_before_it_removed_them_are_removed_later(tmp_path: Path) -> None:
    store, states = Store(tmp_path / "store"), tmp_path / "store" / ".links"
    with store.lock(Code.STAGE_FAILED):
        store.generations.switch(Pointers(current="a"))
        (states / "0").mkdir()
        (states / "0" / "current").symlink_to("../../generations/b")
        store.collect()
    assert [each.name for each in states.iterdir()] == ["1"]
    assert store.generations.read() == Pointers(current="a")


def test_a_generation_whose_removal_was_killed_is_removed_with_the_next_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store.lock(Code.STAGE_FAILED):
        half = tmp_path / "store" / "incoming" / "dropped" / "a" / "rootfs"
        half.mkdir(parents=True)
        (half / "file").touch()
        store.collect()
    assert list((tmp_path / "store" / "incoming" / "dropped").iterdir()) == []
