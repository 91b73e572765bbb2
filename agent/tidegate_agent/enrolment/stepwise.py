"""Replacing files one by one, where their folder cannot be replaced as a whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_agent.enrolment.writing import FOLDER_MODE, sync, undone_unless, write

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import PurePosixPath

    from tidegate_agent.enrolment.plan import Planned

PREFIX: Final = ".tidegate-enrol-"
"""How temporary folders begin: one that is left behind is nobody's."""


def replace_one_by_one(
    folder: Path,
    files: Mapping[PurePosixPath, Planned],
    gone: Collection[PurePosixPath],
    check: Callable[[], object],
) -> None:
    """As `installing.install`, but a power cut may leave some files new and some old, each of them whole.

    Raises:
        OSError: one cannot be replaced; all are as before.
    """
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder) as name:
        fresh, old = Path(name, "new"), Path(name, "old")
        fresh.mkdir()
        write(fresh, files)
        done: list[PurePosixPath] = []

        def forward() -> None:
            for place in [*files, *gone]:
                _replace(folder / place, fresh / place, old / place)
                done.append(place)
            check()

        def back() -> None:
            for place in reversed(done):
                if os.path.lexists(old / place):
                    (old / place).rename(folder / place)
                else:
                    (folder / place).unlink()

        undone_unless(forward, back)
        for each in {folder, *((folder / place).parent for place in done)}:
            sync(each)


def _replace(file: Path, by: Path, backup: Path) -> None:
    """Put one file in the place of another, or of none; or none in its place."""
    backup.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(file):
        os.link(file, backup, follow_symlinks=False)
    if by.exists():
        file.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
        by.rename(file)
    else:
        file.unlink(missing_ok=True)
