"""Small files that are read whole or not at all, also after a power cut."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from tidegate_agent.engines.images.durable import sync_directory

if TYPE_CHECKING:
    from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Put a file in the place of another in one step, durably. Raises OSError; then the old one stays."""
    fresh = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        fresh.unlink()
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        fresh.rename(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def make_durable_folder(path: Path, mode: int) -> None:
    """Make a folder and those above it, and make their names durable. One that is there is left alone."""
    if path.is_dir():
        return
    make_durable_folder(path.parent, 0o755)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        path.chmod(mode)
    sync_directory(path.parent)


def remove_file(path: Path) -> None:
    """Remove a file, durably. A missing one is fine."""
    try:
        path.unlink()
    except FileNotFoundError:
        return
    sync_directory(path.parent)
