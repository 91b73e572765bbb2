"""The files of an OCI layout in a folder, opened so that none can lead us out of it."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a file's bytes lie.

    Attributes:
        handle: file descriptor to read from; it is closed by whoever opened it.
        start: position of the first byte.
        size: number of bytes.
    """

    handle: int
    start: int
    size: int


class LayoutFiles(Protocol):
    """Files of a layout, by their path in it."""

    def open(self, name: str) -> AbstractContextManager[Extent]:
        """Open one file.

        Args:
            name: path with `/` between its parts, made by us and not by the layout.

        Raises:
            TidegateError: IMAGE_NOT_FOUND, IMAGE_MALFORMED.
        """
        ...


class FolderFiles:
    """A layout in a folder.

    It may come from a stick or a download, so it is not trusted: every file is opened relative to the
    folder's handle, component by component, and no symbolic link is followed. The path of the folder
    itself may be one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[Extent]:
        """See LayoutFiles.open."""
        with reading(name, self._folder):
            handle = self._walk(name.split("/"))
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise TidegateError(Code.IMAGE_MALFORMED, f"{name} in {self._folder} is not a file")
            yield Extent(handle, 0, found.st_size)
        finally:
            os.close(handle)

    def _walk(self, parts: list[str]) -> int:
        with contextlib.ExitStack() as handles:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            handles.callback(os.close, folder)
            for part in parts[:-1]:
                folder = os.open(part, _OPEN | os.O_DIRECTORY, dir_fd=folder)
                handles.callback(os.close, folder)
            # Not blocking, or a named pipe in the layout would hold us for ever.
            return os.open(parts[-1], _OPEN | os.O_NONBLOCK, dir_fd=folder)


@contextlib.contextmanager
def reading(name: str, place: Path) -> Iterator[None]:
    """Turn the operating system's errors into ours.

    Raises:
        TidegateError: IMAGE_NOT_FOUND, IMAGE_MALFORMED.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise TidegateError(Code.IMAGE_NOT_FOUND, f"the layout {place} has no {name}") from error
    except OSError as error:
        raise TidegateError(
            Code.IMAGE_MALFORMED, f"cannot read {name} in the layout {place}: {error.strerror}"
        ) from error
