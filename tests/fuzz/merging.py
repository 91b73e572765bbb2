"""Keeping of the corpus what adds something: libFuzzer's merge, smallest first, within a budget of bytes."""

from __future__ import annotations

import math
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.campaign import worker
from tests.fuzz.catalogue import CORPUS, WORK

if TYPE_CHECKING:
    from tests.fuzz.catalogue import Target

BUDGET = 48 * 1024
"""Bytes of a target's corpus beyond the seeds that have names; all of them stay below 400 KiB together."""

COUNT = 64
"""The most inputs of a target beyond those seeds."""

_HASHED = re.compile(r"[0-9a-f]{40}")


def merge(target: Target) -> tuple[int, int]:
    """Replace what has no name in the committed corpus; how many inputs there are now, and their bytes.

    Raises:
        RuntimeError: the merge failed; with its last words.
    """
    corpus = CORPUS / target.name
    (WORK / target.name).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept"
        # Named inputs and genuine bundles first: what they reach needs no second input.
        shutil.copytree(corpus, kept, ignore=lambda _, names: [name for name in names if is_hashed(name)])
        for bundle in [path for seeds in target.seeds[1:] for path in seeds.iterdir()]:
            shutil.copy(bundle, kept)
        done = worker(target, "-merge=1", "-use_counters=0", kept, corpus, WORK / target.name)
        if done.returncode:
            raise RuntimeError(f"merging {target.name} failed: {done.stdout[-2000:]}")
        for path in corpus.iterdir():
            if is_hashed(path.name):
                path.unlink()
        _copy_within(kept, corpus)
    sizes = [path.stat().st_size for path in corpus.iterdir()]
    return len(sizes), sum(sizes)


def is_hashed(name: str) -> bool:
    """Whether an input was found by fuzzing: libFuzzer names it by its SHA-1."""
    return _HASHED.fullmatch(name) is not None


def _copy_within(kept: Path, corpus: Path) -> None:
    """From small to large, as many as there may be: of all sizes, since the smallest say the least."""
    found = [path for path in kept.iterdir() if is_hashed(path.name)]
    found.sort(key=lambda path: (path.stat().st_size, path.name))
    left = BUDGET
    for path in found[:: max(1, math.ceil(len(found) / COUNT))]:
        left -= path.stat().st_size
        if left < 0:
            return
        shutil.copy(path, corpus)
