"""The embedded engine's store through two updates and a way back, said step by step.

`python -m tests.faults.storage.store_life FOLDER MARKS LAYOUT DIGEST DIGEST`
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.model import ImageTarget
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from collections.abc import Callable


def engine_of(folder: Path) -> EmbeddedEngine:
    """The engine of a store below a folder."""
    return EmbeddedEngine(folder / "store", lambda reference: LayoutSource(Path(reference)))


def stage(engine: EmbeddedEngine, layout: Path, digest: str) -> None:
    """Stage an image out of a layout."""
    engine.stage(ImageTarget(digest, (str(layout),), "amd64"), lambda _: None, lambda: False)


def live(folder: Path, layout: Path, first: str, second: str, told: Callable[[str], object]) -> None:
    """Live it; `told` is called with the name of each step that is done."""
    engine = engine_of(folder)
    stage(engine, layout, first)
    engine.activate(first)
    told("first")
    stage(engine, layout, second)
    told("staged")
    engine.activate(second)
    told("second")
    engine.rollback(first)
    told("back")


def main() -> None:
    folder, marks, layout = map(Path, sys.argv[1:4])
    with marks.open("a", buffering=1, encoding="ascii") as file:
        first, second = sys.argv[4:]
        live(folder, layout, first, second, lambda step: file.write(f"{step}\n"))


if __name__ == "__main__":
    main()
