"""Free space: asked for before staging, and told in one sentence when it runs out."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidegate_agent.engines.images.limits import MIB
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BROKEN = frozenset({errno.EIO, errno.EROFS})
# An operating system's gzip layers unpack to 2.2 to 3 times their size. With a generation in place most of
# that is usually shared, how much cannot be known before: then only the download is certain.
_EXPANSION = 2


def require_free(folder: Path, fetch: int, reserve: int, *, fresh: bool) -> None:
    """Refuse to begin what cannot end well.

    Args:
        folder: a folder on the file system in question.
        fetch: bytes still to be downloaded.
        reserve: bytes that must stay free.
        fresh: whether the store is empty, so that nothing can be shared.

    Raises:
        EngineError: DISK_FULL, retryable.
    """
    needed = fetch * (1 + _EXPANSION if fresh else 1) + reserve
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < needed:
        raise EngineError(
            Code.DISK_FULL,
            f"the image needs about {_mebibytes(needed)} at {folder}, {_mebibytes(free)} are free",
            retryable=True,
        )


@contextmanager
def disk_errors(code: Code, doing: str, folder: Path) -> Iterator[None]:
    """Turn the system's errors into EngineError: DISK_FULL, DISK_IO, or `code` for any other."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            code = Code.DISK_FULL
        elif error.errno in _BROKEN:
            code = Code.DISK_IO
        raise EngineError(code, f"{doing} at {folder}: {error.strerror or error}", retryable=True) from error


def _mebibytes(size: int) -> str:
    return f"{-(-size // MIB)} MiB"
