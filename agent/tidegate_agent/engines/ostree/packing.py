"""A layer as ostree gets it: its files under numbers, and a record that says what they are called.

Nothing that a layer can say about paths, links and whiteouts reaches ostree or a file system this way: only
contents, owners, modes and attributes do. What the files are called is decided when all layers are merged.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING

from tidegate_agent.engines.images.compression import layer_chunks
from tidegate_agent.engines.images.entry import Entry, Kind
from tidegate_agent.engines.images.paths import split_name
from tidegate_agent.engines.images.record import read_record, write_record
from tidegate_agent.engines.images.tarstream import TarStream
from tidegate_agent.engines.images.tree import WHITEOUT
from tidegate_agent.engines.ostree.ustar import END, file_header, padding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from tidegate_agent.engines.images.limits import Budget
    from tidegate_agent.engines.images.pull import Layer

_RECORD = "record"
_ROOT = 0
_FOLDER_FILES = 1000
_KEPT = (b"security.capability", b"security.ima", b"security.selinux")
_KEPT_PREFIXES = (b"user.", b"system.posix_acl_")
_COPY_BYTES = 256 * 1024


class Packer:
    """Repacks layers.

    Extended attributes that mean something to a file system or a container tool only, such as
    `trusted.overlay.opaque`, are left out.
    """

    def __init__(self, budget: Budget, scratch: Path) -> None:
        self._budget = budget
        self._scratch = scratch

    def pack(self, layer: Layer, blob: BinaryIO, out: IO[bytes]) -> None:
        """Write a layer's files and their record as a tar archive.

        Whether the layer is the right one is known only at its end: when this raises, nothing of it counts.

        Raises:
            TidegateError: an `image.*` code.
            OSError: the disk's, or the pipe's.
        """
        chunks = layer_chunks(blob, layer.blob.media_type, layer.diff_id, self._budget)
        with TemporaryDirectory(dir=self._scratch) as folder:
            record = Path(folder) / _RECORD
            entries = self._files(TarStream(chunks, self._budget), out)
            for _ in write_record(record, layer.diff_id, _ROOT, entries):
                pass
            _append(record, out)
        out.write(END)

    def _files(self, archive: TarStream, out: IO[bytes]) -> Iterator[Entry]:
        number = 0
        for found in archive:
            # Refused before anything is stored, although only the merged tree decides where a file goes.
            parts = split_name(found.name, self._budget.limits.depth)
            entry = found._replace(xattrs=tuple(filter(_is_kept, found.xattrs)))
            if entry.kind is Kind.FILE and not (parts and parts[-1].startswith(WHITEOUT)):
                entry = entry._replace(content=f"{number // _FOLDER_FILES}/{number}")
                out.write(file_header(entry.content, entry))
                for piece in archive.content():
                    out.write(piece)
                out.write(padding(entry.size))
                number += 1
            yield entry


def unpacked(folder: Path, layer: Layer) -> list[Entry] | None:
    """A packed layer's entries, out of its checkout; None when that is no whole record of this layer."""
    return read_record(folder / _RECORD, layer.diff_id, _ROOT)


def _is_kept(xattr: tuple[bytes, bytes]) -> bool:
    name, _ = xattr
    return name in _KEPT or name.startswith(_KEPT_PREFIXES)


def _append(record: Path, out: IO[bytes]) -> None:
    size = record.stat().st_size
    out.write(file_header(_RECORD, Entry(name=b"", kind=Kind.FILE, mode=0o600, size=size)))
    with record.open("rb") as file:
        while chunk := file.read(_COPY_BYTES):
            out.write(chunk)
    out.write(padding(size))
