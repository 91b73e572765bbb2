"""A lock file: who holds it works alone. The kernel lets go of it however the process ends (flock(2))."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_schemas.codes import TidegateError


@contextmanager
def held(path: Path, taken: TidegateError) -> Iterator[None]:
    """Hold a lock file, which is made where it is missing; at once, or not at all.

    Raises:
        TidegateError: the one given, when somebody else holds it.
        OSError: it cannot be opened.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        # Who can open it, if only to read, can hold it too.
        os.fchmod(file, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise taken from error
        yield
    finally:
        os.close(file)
