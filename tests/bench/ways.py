"""Ways to bring images onto a host, and how each is measured.

Each run has directories of its own, takes the image fresh and then the update, and the tools take turns in
being the first. What was written before is brought to disk before a clock starts. Tidegate's time includes
making everything durable (syncfs), which the others leave to the kernel.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.bench import cost
from tests.bench.staged import PHASES, Results, Staged
from tests.bench.supply import program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.cost import Cost
    from tests.bench.supply import Supply

REPOSITORY = Path(__file__).parents[2]


class Way(ABC):
    """One way, on a host that has nothing yet, in an empty folder.

    Args:
        supply: what there is to stage.
        folder: the empty folder.

    Attributes:
        name: what the tables call it.
    """

    name: ClassVar[str]

    def __init__(self, supply: Supply, folder: Path) -> None:
        self._supply, self._folder = supply, folder

    @abstractmethod
    def stage(self, index: int) -> Cost:
        """Bring the image onto the host: this is what is measured."""

    def settle(self, index: int) -> None:  # noqa: B027 - for most ways nothing has to
        """Do what has to follow before the next image, and is not measured."""

    def close(self) -> None:  # noqa: B027 - most ways leave nothing
        """Leave nothing behind that runs or is mounted."""


class Embedded(Way):
    """Tidegate's embedded engine, in a process of its own."""

    name = "tidegate"

    def stage(self, index: int) -> Cost:
        words = [str(self._folder / "store"), self._supply.reference, self._supply.digests[index]]
        return run_module("tests.bench.stager", *words, str(self._supply.conf))


class SkopeoUmoci(Way):
    """`skopeo copy` into a layout that is kept, and `umoci unpack`."""

    name = "skopeo + umoci"

    def stage(self, index: int) -> Cost:
        tag = self._supply.tags[index]
        layout, source = f"{self._folder / 'layout'}:{tag}", f"docker://{self._supply.reference}:{tag}"
        copy = [program("skopeo"), "copy", "-q", "--src-tls-verify=false", source, f"oci:{layout}"]
        unpack = [program("umoci"), "unpack", "--image", layout, str(self._folder / tag)]
        return cost.run(copy, together=True).then(cost.run(unpack, together=True))


def run_module(name: str, *words: str) -> Cost:
    """What it costs to run a module of this repository in a Python of its own."""
    return cost.run([sys.executable, "-m", name, *words], cwd=REPOSITORY, together=True)


def take_turns(
    ways: Sequence[type[Way]], supply: Supply, folder: Path, number: int, results: Results
) -> None:
    """Measure each way once, another one first in every run."""
    shift = number % len(ways)
    for place, way in enumerate([*ways[shift:], *ways[:shift]]):
        home = folder / f"run-{number}-{place}"
        home.mkdir()
        host = way(supply, home)
        try:
            for index, phase in enumerate(PHASES):
                results[way.name, phase].append(_measured(host, supply, home, index))
                host.settle(index)
        finally:
            host.close()


def _measured(host: Way, supply: Supply, home: Path, index: int) -> Staged:
    os.sync()
    disk, wire = used(home), supply.sent()
    needed = host.stage(index)
    return Staged(needed, supply.sent() - wire, used(home) - disk)


def used(folder: Path) -> int:
    """Bytes on disk, each inode counted once, without what is mounted there."""
    device = folder.stat().st_dev
    found = (path.lstat() for path in folder.rglob("*"))
    seen = {(status.st_ino, status.st_blocks) for status in found if status.st_dev == device}
    return 512 * sum(blocks for _, blocks in seen)
