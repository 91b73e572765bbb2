"""Writing a file so that nobody ever reads half of it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from tidegate_schemas.codes import Code, TidegateError


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by rename, after its content is on the disk. Readable by all: bundles are public.

    Raises:
        TidegateError: DISK_IO.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise TidegateError(Code.DISK_IO, f"{path} cannot be written: {error.strerror}") from error
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise TidegateError(Code.DISK_IO, f"{path} cannot be written: {error.strerror}") from error
