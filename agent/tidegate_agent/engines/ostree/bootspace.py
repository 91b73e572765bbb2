"""Room for a kernel and its initramfs below /boot: ostree writes there at shutdown, too late to ask."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from tidegate_agent.engines.finalizing import last_failure
from tidegate_agent.engines.images.limits import MIB
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FORM = re.compile(r"(\d{1,15})-([0-9a-f]{64}) (\d{1,15})-([0-9a-f]{64})")
_RESERVE = 2 * MIB  # entries, the new loader directory, the file system's own needs


class BootPrint(NamedTuple):
    """What tells the files of one kernel from those of another: sizes in bytes and SHA-256 in hex."""

    kernel: tuple[int, str]
    initramfs: tuple[int, str]

    @classmethod
    def of(cls, kernel: Path, initramfs: Path) -> BootPrint:
        """Read both files."""
        return cls(_print(kernel), _print(initramfs))

    @classmethod
    def parse(cls, text: str | None) -> BootPrint | None:
        """Read a label; None when it is none."""
        match = _FORM.fullmatch(text or "")
        return None if match is None else cls((int(match[1]), match[2]), (int(match[3]), match[4]))

    @property
    def label(self) -> str:
        """As a commit's label."""
        return " ".join(f"{size}-{digest}" for size, digest in self)


class BootSpace:
    """The boot directory: a partition of its own on most hosts."""

    def __init__(self, boot: Path) -> None:
        self._boot = boot

    def require(self, needed: BootPrint | None) -> None:
        """See that a deployment with this kernel can be finalized.

        Raises:
            EngineError: DISK_FULL, retryable.
            OSError: the disk's.
        """
        if needed is None or not self._boot.is_dir() or self._has(needed):
            return
        size = needed.kernel[0] + needed.initramfs[0] + _RESERVE
        found = os.statvfs(self._boot)
        free = found.f_bavail * found.f_frsize
        if free < size:
            raise EngineError(
                Code.DISK_FULL,
                f"the image's kernel and initramfs need {_mebibytes(size)} at {self._boot}, "
                f"{_mebibytes(free)} are free; unpin a deployment, or enlarge the partition",
                retryable=True,
            )

    def last_failure(self) -> str | None:
        """Why the last finalizing failed, in a sentence; None when nothing tells of a failure."""
        return last_failure(self._boot)

    def _has(self, needed: BootPrint) -> bool:
        """Whether the same kernel and initramfs are there already: then ostree shares them."""
        return any(
            _holds(folder, "vmlinuz", needed.kernel) and _holds(folder, "initramfs", needed.initramfs)
            for folder in _folders(self._boot / "ostree")
        )


def _folders(parent: Path) -> Iterator[Path]:
    if parent.is_dir():
        yield from (item for item in parent.iterdir() if item.is_dir())


def _holds(folder: Path, prefix: str, wanted: tuple[int, str]) -> bool:
    return any(
        file.stat().st_size == wanted[0] and _print(file) == wanted for file in folder.glob(f"{prefix}*")
    )


def _print(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def _mebibytes(size: int) -> str:
    return f"{-(-size // MIB)} MiB"
