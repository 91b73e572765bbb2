"""What staging is measured with: a Debian root of about 300 MB, and the same with 2 % of files changed."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.debian import change_files, make_root
from tests.support.layouts import ImageBuilder, directory, file

EVERY = 50
"""Every 50th regular file changes: 2 %."""

_LISTING = "images.json"
_KERNEL = "usr/lib/modules/6.1.0-bench"
_KERNEL_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Images:
    """An OCI layout with both.

    Attributes:
        layout: its folder.
        digests: of v1 and v2.
        tags: theirs.
    """

    layout: Path
    digests: tuple[str, str]
    tags: tuple[str, str] = ("v1", "v2")


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


def bootable(prepared: Images) -> Images:
    """The same with one more layer, in the same layout: what ostree takes for a kernel, and a command.

    No kernel of Debian's: it would make the image larger by a third, and nothing boots it.
    """
    noise = random.Random(0)  # noqa: S311 - bytes that do not compress, no secret
    parents = ["usr/lib/modules", _KERNEL]
    files = [f"{_KERNEL}/vmlinuz", f"{_KERNEL}/initramfs.img"]
    kernel = [*map(directory, parents), *(file(name, noise.randbytes(_KERNEL_BYTES)) for name in files)]
    builder, tags = ImageBuilder(prepared.layout), ("v1-bootable", "v2-bootable")
    first, second = (
        # A first process gets no signal that it does not wait for, but for this one.
        builder.upon(digest).layer(kernel).build(tag, Cmd=["/bin/sleep", "infinity"], StopSignal="SIGKILL")
        for digest, tag in zip(prepared.digests, tags, strict=True)
    )
    return Images(prepared.layout, (first, second), tags)


def _make(folder: Path, scratch: Path) -> None:
    root, changed = make_root(scratch), scratch / "changed.tar"
    change_files(root, changed, EVERY)
    builder = ImageBuilder(folder / "layout")
    digests = [builder.layer_from(tar).build(tag) for tar, tag in ((root, "v1"), (changed, "v2"))]
    (folder / _LISTING).write_text(json.dumps(digests))
