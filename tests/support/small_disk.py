"""A file system of a few megabytes that can really be full.

disk = SmallDisk(tmp_path / "disk", mebibytes=32)
with disk.full():
    ...  # ENOSPC for whoever writes below disk.folder
disk.close()
"""

from __future__ import annotations

import errno
import os
import subprocess
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STEP_BYTES = 1024 * 1024


class SmallDisk:
    """A tmpfs. Mounting needs root: without, `full` skips the test and `folder` is any folder."""

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.folder = folder
        folder.mkdir()
        self._mounted = os.geteuid() == 0
        if self._mounted:
            options = f"size={mebibytes}m,mode=0755"
            subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", options, "tidegate-test", folder], check=True)
        # Also when whoever made it fails before it can be closed: what stays mounted cannot be removed.
        self._unmount = weakref.finalize(self, _unmount, folder, mounted=self._mounted)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Fill it to the last byte; give the space back at the end of the block."""
        if not self._mounted:
            pytest.skip("filling a disk needs root, to mount a small one")
        filler = self.folder / "filler"
        _fill(filler)
        try:
            yield
        finally:
            filler.unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Let it take no writes for the length of a block; no file may be open for writing at first."""
        if not self._mounted:
            pytest.skip("a read-only disk needs root, to mount one")
        _remount(self.folder, "ro")
        try:
            yield
        finally:
            _remount(self.folder, "rw")

    def close(self) -> None:
        """Unmount it."""
        self._unmount()


def _unmount(folder: Path, *, mounted: bool) -> None:
    if mounted:
        subprocess.run(["/bin/umount", folder], check=True)


def _remount(folder: Path, how: str) -> None:
    subprocess.run(["/bin/mount", "-o", f"remount,{how}", folder], check=True)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for step in (_STEP_BYTES, 1):
            try:
                while file.write(bytes(step)):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
