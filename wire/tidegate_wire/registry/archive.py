"""The files of an OCI layout in an uncompressed tar, read where they lie: nothing is unpacked.

tarfile reads the headers only, once, through a reader that refuses what a hostile archive could make it
allocate.
"""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
import threading
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.layout_files import Extent, reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_ENTRIES = 10_000
_MAX_HEADERS = 32 * 1024 * 1024


class ArchiveFiles:
    """A layout in a tar file.

    Args:
        path: the archive; it must not change while it is in use.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._index: dict[str, tuple[int, int]] | None = None

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[Extent]:
        """See LayoutFiles.open."""
        found = self._places().get(name)
        if found is None:
            raise TidegateError(Code.IMAGE_NOT_FOUND, f"the layout {self._path} has no {name}")
        with reading(name, self._path):
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield Extent(handle, *found)
        finally:
            os.close(handle)

    def _places(self) -> dict[str, tuple[int, int]]:
        """Start and size of every regular file, by its path."""
        with self._lock:
            if self._index is None:
                with reading("headers", self._path), _CappedReader(self._path) as stream:
                    self._index = self._read_index(stream)
            return self._index

    def _read_index(self, stream: _CappedReader) -> dict[str, tuple[int, int]]:
        places: dict[str, tuple[int, int]] = {}
        try:
            # tarfile keeps every member it has seen; a cap on their number is a cap on memory.
            with tarfile.open(fileobj=stream, mode="r:") as archive:
                for count, member in enumerate(archive):
                    name = member.name.removeprefix("./")
                    if count >= _MAX_ENTRIES or name in places:
                        raise self._malformed(f"it has too many entries, or {name[:80]} twice")
                    if member.isreg() and not member.issparse():
                        places[name] = (member.offset_data, member.size)
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise self._malformed(f"it is not an uncompressed tar ({error})") from error
        return places

    def _malformed(self, why: str) -> TidegateError:
        return TidegateError(Code.IMAGE_MALFORMED, f"{self._path} cannot be read as an OCI archive: {why}")


class _CappedReader(io.FileIO):
    """A file for reading headers: they state their own size, and tarfile keeps what it reads of them."""

    _left = _MAX_HEADERS

    def read(self, size: int | None = -1, /) -> bytes:
        """As io.FileIO.read.

        Raises:
            ValueError: all reads together ask for more than 32 MiB, or one is open-ended.
        """
        if size is None or not 0 <= size <= self._left:
            raise ValueError("its headers claim more than 32 MiB")
        self._left -= size
        return super().read(size) or b""
