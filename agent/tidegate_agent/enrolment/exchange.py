"""Two folders change places in one step."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_HERE: Final = -100
"""AT_FDCWD: paths are taken from the working directory."""

_EXCHANGE: Final = 2
"""RENAME_EXCHANGE (linux/fs.h)."""


def exchange(one: Path, other: Path) -> None:
    """Let two files or folders of one file system change places, atomically (renameat2(2)).

    Raises:
        OSError: they cannot: ENOSYS where the C library does not know how, EXDEV, EBUSY or EINVAL where a
            file system or a mount is in the way.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), os.fspath(one))
    if renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), os.fspath(one), None, os.fspath(other))
