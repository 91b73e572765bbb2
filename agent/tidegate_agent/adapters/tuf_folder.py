"""The folder in which python-tuf keeps its metadata, made fit for use again after damage.

What python-tuf reads there it verifies, from the host's own first root on; so what is lost is only the memory
of versions, and that is kept a second time by the agent (`root_tuf`). What it cannot get over are things that
are no files, that do not end, or that make a parser recurse: those are put away before it looks.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_schemas import jsontext
from tidegate_schemas.codes import TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator

_HISTORY: Final = "root_history"
_LINK: Final = "root.json"
_METADATA: Final = frozenset({"timestamp.json", "snapshot.json", "targets.json"})
_NAMED: Final = 16
"""How many are named at most."""


def mend(folder: Path, largest: int) -> tuple[str, ...]:
    """Remove whatever is no piece of metadata.

    Args:
        folder: python-tuf's `metadata_dir`.
        largest: bytes that a piece of metadata may have.

    Returns:
        The names of what was damaged. What a killed download leaves behind is removed without a word.

    Raises:
        OSError: the folder cannot be read or written.
    """
    history = folder / _HISTORY
    damaged = [path for path in _entries(folder) if not _belongs(path, largest)]
    if _is_folder(history):
        damaged += [path for path in _entries(history) if not _is_metadata(path, largest)]
    for path in damaged:
        _remove(path)
    return tuple(
        str(path.relative_to(folder)) for path in damaged if path.suffix == ".json" or path == history
    )[:_NAMED]


def _entries(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        yield from sorted(Path(entry.path) for entry in entries)


def _belongs(path: Path, largest: int) -> bool:
    if path.name == _LINK:
        return path.is_symlink() and path.readlink().parent == Path(_HISTORY)
    if path.name == _HISTORY:
        return _is_folder(path)
    return path.name in _METADATA and _is_metadata(path, largest)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_metadata(path: Path, largest: int) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return isinstance(jsontext.parse(file.read(largest + 1), largest), dict)
    except (OSError, TidegateError):
        return False


def _remove(path: Path) -> None:
    if _is_folder(path):
        shutil.rmtree(path)
    else:
        path.unlink()
