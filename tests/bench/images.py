"""What staging is measured with: a Debian root of about 300 MB, and the same with 2 % of files changed."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.debian import change_files, make_root
from tests.support.layouts import ImageBuilder

EVERY = 50
"""Every 50th regular file changes: 2 %."""

_LISTING = "images.json"


@dataclass(frozen=True, slots=True)
class Images:
    """An OCI layout with both.

    Attributes:
        layout: its folder; the tags are v1 and v2.
        digests: of v1 and v2.
    """

    layout: Path
    digests: tuple[str, str]


def prepare(cache: Path) -> Images:
    """The images out of the cache, made first if they are not there; that needs root and Debian's mirror."""
    done = cache / "bench-images"
    if not done.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            made = Path(scratch) / "images"
            made.mkdir()
            _make(made, Path(scratch))
            made.rename(done)
    first, second = json.loads((done / _LISTING).read_text())
    return Images(done / "layout", (first, second))


def _make(folder: Path, scratch: Path) -> None:
    root, changed = make_root(scratch), scratch / "changed.tar"
    change_files(root, changed, EVERY)
    builder = ImageBuilder(folder / "layout")
    digests = [builder.layer_from(tar).build(tag) for tar, tag in ((root, "v1"), (changed, "v2"))]
    (folder / _LISTING).write_text(json.dumps(digests))
