"""Writing planned files durably, and taking steps back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path, PurePosixPath

    from tidegate_agent.enrolment.plan import Planned

FOLDER_MODE: Final = 0o755


def write(into: Path, files: Mapping[PurePosixPath, Planned]) -> None:
    """Write files into a folder that holds none of them.

    Raises:
        OSError: one of them cannot be written.
    """
    for place, planned in files.items():
        (into / place).parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
        handle = os.open(into / place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(planned.content)
            os.fchmod(handle, planned.mode)
            stream.flush()
            os.fsync(handle)
    for each in {into, *((into / place).parent for place in files)}:
        sync(each)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def undone_unless(attempt: Callable[[], object], undo: Callable[[], object]) -> None:
    """Undo what was done if the attempt fails, however it does."""
    try:
        attempt()
    except BaseException:
        undo()
        raise
