"""Giving space back: trees that nobody points to, objects that nobody links to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def remove_tree(path: Path) -> None:
    """Remove a directory and all below it, also where its own modes forbid it. A missing one is fine."""
    if not path.is_dir():
        return
    if os.geteuid() != 0:
        path.chmod(0o700)
        _open_up(os.open(path, _DIRECTORY))
    shutil.rmtree(path)


def _open_up(descriptor: int) -> None:
    """Let the owner into every directory below, entering each by its handle. Closes the handle."""
    try:
        with os.scandir(descriptor) as found:
            names = [item.name for item in found if item.is_dir(follow_symlinks=False)]
        for name in names:
            os.chmod(name, 0o700, dir_fd=descriptor)
            _open_up(os.open(name, _DIRECTORY, dir_fd=descriptor))
    finally:
        os.close(descriptor)


def empty_folder(path: Path) -> None:
    """Remove all that a folder holds."""
    for item in list(path.iterdir()):
        if item.is_dir() and not item.is_symlink():
            remove_tree(item)
        else:
            item.unlink(missing_ok=True)


def sweep_objects(objects: Path) -> None:
    """Remove every object that is in no tree any more: the one link left is the store's own."""
    with os.scandir(objects) as folders:
        for folder in folders:
            with os.scandir(folder.path) as found:
                for item in found:
                    if item.stat(follow_symlinks=False).st_nlink == 1:
                        Path(item.path).unlink()
