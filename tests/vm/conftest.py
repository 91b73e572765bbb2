"""One world for the whole story: installed once, and each test goes on where the last one ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.vm.world import World, world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The machine, at its first boot. Serial log and timeline stay in TIDEGATE_ARTEFACTS, if that is set."""
    folder = tmp_path_factory.mktemp("vm")
    artefacts = Path(os.environ.get("TIDEGATE_ARTEFACTS") or folder) / "vm"
    artefacts.mkdir(parents=True, exist_ok=True)
    with world(folder, artefacts) as made:
        yield made
