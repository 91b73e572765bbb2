"""Where unfinished work lies, on the file system of the repository, and the lock of whoever works.

    ostree/tidegate/lock      held by the one process that changes anything
    ostree/tidegate/blobs/    fetched and partly fetched blobs
    ostree/tidegate/work/     one staging's checkouts; what a kill leaves of it goes with the next

On a host where /var is a mount of its own no hard link leads there, not even on the same file system; so this
is below the sysroot.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidegate_agent.engines.ostree.writable import ensure_writable
from tidegate_agent.errors import EngineError
from tidegate_agent.held_file import held
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path


class Workplace:
    """The folder `ostree/tidegate` of one sysroot. Nothing is made before the lock is taken."""

    def __init__(self, sysroot: Path) -> None:
        self.root = sysroot / "ostree" / "tidegate"
        self.blobs = self.root / "blobs"
        self.work = self.root / "work"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold it alone.

        Raises:
            EngineError: ENGINE_BUSY, retryable, when another process holds it; ENGINE_MISSING when there is
                no ostree sysroot; DISK_IO when it is read-only and stays so.
            OSError: the disk's.
        """
        if not self.root.parent.is_dir():
            raise EngineError(Code.ENGINE_MISSING, f"{self.root.parent} is not there: no ostree sysroot")
        ensure_writable(self.root.parent)
        for folder in (self.root, self.blobs):
            folder.mkdir(mode=0o700, exist_ok=True)
        reason = f"another process works on the images in {self.root.parent}"
        with held(self.root / "lock", EngineError(Code.ENGINE_BUSY, reason, retryable=True)):
            yield

    def begin(self) -> None:
        """Make an empty folder for work."""
        self.clear()
        self.work.mkdir(mode=0o700)

    def clear(self) -> bool:
        """Remove what is left of work; whether there was anything."""
        if not self.work.exists():
            return False
        shutil.rmtree(self.work)
        return True

    def present(self) -> dict[str, int]:
        """The blobs that are there, whole or in part: their sizes by hex digest."""
        return {item.name.removesuffix(".partial"): item.stat().st_size for item in self.blobs.iterdir()}

    def clear_blobs(self, keep: Collection[str] = ()) -> None:
        """Remove blobs, but for those (by hex digest) that staging can go on with."""
        for blob in list(self.blobs.iterdir()):
            if blob.name.removesuffix(".partial") not in keep:
                blob.unlink()
