"""Staging a Debian image from a real registry, beside `skopeo copy` and `umoci unpack` of the same image.

Each run has directories of its own, takes the image fresh and then the update, and the tools take turns in
being the first. What was written before is brought to disk before a clock starts. Tidegate's time includes
making everything durable (syncfs), which the others leave to the kernel.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import cost, images, procfs
from tests.bench.cost import Cost
from tests.bench.figure import Figure, ratio
from tests.conftest import find_program
from tests.support.registries import RealRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.effort import Effort

PROGRAMS = ("mmdebstrap", "docker-registry", "skopeo", "umoci")
PHASES = ("fresh", "update of 2 % of files")
OURS, THEIRS = "tidegate", "skopeo + umoci"
REPOSITORY = "bench/debian"
_REPO = Path(__file__).parents[2]
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Staged:
    """What one tool needed for one image.

    Attributes:
        cost: time, processor, memory.
        wire: bytes that the registry's process wrote, headers and a few lines of its log included.
        disk: bytes by which the tool's directory grew.
    """

    cost: Cost
    wire: int
    disk: int


Results = dict[tuple[str, str], list[Staged]]
"""By tool and phase."""


def measure(effort: Effort) -> Iterator[Figure]:
    """Both tools, fresh and update."""
    missing = [f"{name} is missing" for name in PROGRAMS if find_program(name) is None]
    if os.geteuid() != 0:
        missing.append("it needs root")
    if missing:
        yield Figure("staging", "s", missing=", ".join(missing))
        return
    prepared = images.prepare(effort.cache)
    with RealRegistry(effort.folder) as registry:
        bench = Bench(registry, prepared, effort.folder)
        bench.push()
        results: Results = defaultdict(list)
        for run in range(effort.times(3, 1)):
            bench.run(run, results)
    for phase in PHASES:
        yield from _figures(phase, results)


class Bench:
    """A registry with both images, and the two ways to stage them."""

    def __init__(self, registry: RealRegistry, prepared: images.Images, folder: Path) -> None:
        self._registry = registry
        self._images = prepared
        self._folder = folder
        self._reference = f"{registry.host}/{REPOSITORY}"
        self._conf = folder / "registries.conf"
        self._conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')

    def push(self) -> None:
        """Put both images into the registry as they are."""
        for tag in ("v1", "v2"):
            source, target = f"oci:{self._images.layout}:{tag}", f"docker://{self._reference}:{tag}"
            argv = [_program("skopeo"), "copy", "-q", "--preserve-digests", "--dest-tls-verify=false"]
            subprocess.run([*argv, source, target], check=True)

    def run(self, number: int, results: Results) -> None:
        """Both tools once, in turns."""
        tools: list[tuple[str, Callable[[Path, int], Cost]]] = [(OURS, self._ours), (THEIRS, self._theirs)]
        for name, stage in tools if number % 2 == 0 else tools[::-1]:
            folder = self._folder / f"run-{number}-{name.split()[0]}"
            folder.mkdir()
            for index, phase in enumerate(PHASES):
                results[name, phase].append(self._measured(stage, folder, index))

    def _measured(self, stage: Callable[[Path, int], Cost], folder: Path, index: int) -> Staged:
        os.sync()
        disk, wire = _used(folder), procfs.bytes_written(self._registry.pid)
        needed = stage(folder, index)
        return Staged(needed, procfs.bytes_written(self._registry.pid) - wire, _used(folder) - disk)

    def _ours(self, folder: Path, index: int) -> Cost:
        digest = self._images.digests[index]
        words = ["-m", "tests.bench.stager", str(folder / "store"), self._reference, digest, str(self._conf)]
        return cost.run([sys.executable, *words], cwd=_REPO)

    def _theirs(self, folder: Path, index: int) -> Cost:
        tag = f"v{index + 1}"
        layout, source = f"{folder / 'layout'}:{tag}", f"docker://{self._reference}:{tag}"
        copy = [_program("skopeo"), "copy", "-q", "--src-tls-verify=false", source, f"oci:{layout}"]
        unpack = [_program("umoci"), "unpack", "--image", layout, str(folder / tag)]
        return cost.run(copy).then(cost.run(unpack))


def _figures(phase: str, results: Results) -> Iterator[Figure]:
    ours, theirs = results[OURS, phase], results[THEIRS, phase]
    for what, unit, of, target, ratio_target in _ASPECTS:
        mine, other = tuple(of(each) for each in ours), tuple(of(each) for each in theirs)
        yield Figure(f"{phase}: {what}, {OURS}", unit, mine, target)
        yield Figure(f"{phase}: {what}, {THEIRS}", unit, other)
        yield ratio(f"{phase}: {what}, ratio", mine, other, ratio_target)


_ASPECTS: tuple[tuple[str, str, Callable[[Staged], float], str, str], ...] = (
    ("wall time", "s", lambda staged: staged.cost.wall_s, "", "<= 0.6"),
    ("CPU time", "s", lambda staged: staged.cost.cpu_s, "", ""),
    ("peak RSS", "MiB", lambda staged: staged.cost.peak_mib, "<= 64", ""),
    ("bytes over the wire", "MiB", lambda staged: staged.wire / _MIB, "", "<= 1"),
    ("disk grown", "MiB", lambda staged: staged.disk / _MIB, "", ""),
)
"""Name, unit, how to read it, the project's target, and the target of the ratio."""


def _program(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise FileNotFoundError(f"{name} is missing")
    return found


def _used(folder: Path) -> int:
    """Bytes on disk, each inode counted once."""
    seen = {(status.st_ino, status.st_blocks) for path in folder.rglob("*") for status in [path.lstat()]}
    return 512 * sum(blocks for _, blocks in seen)
