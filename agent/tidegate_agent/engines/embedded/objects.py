"""The content-addressed store of files, shared by all generations through hard links.

An object's id covers what hard links share: content, mode, owner, times, attributes. Objects of a staging
that is not committed lie apart, because they may not be on disk yet: only `commit`, after the file system
was synced, lets them count.

A file of a running generation IS the object: an application that writes into its own image in place changes
it in every generation that shares it. Such a write shows in size or time, and where another user than root
may write, the content is read back: an object that was written to is not used again but replaced. `integrity`
finds what is left. Applications keep their data outside the image, and images give their files to root.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import struct
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tidegate_agent.engines.embedded.content import content_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    from tidegate_agent.engines.embedded.metadata import Metadata
    from tidegate_agent.engines.images.entry import Entry

SMALL_BYTES = (
    1024 * 1024
)  # held in memory until its digest is known; an object that exists is not written again
_NEW = "new"
_NANO = 10**9
# Too many links, another file system, or one that has no hard links: a copy serves.
_CANNOT_LINK = frozenset({errno.EMLINK, errno.EXDEV, errno.EPERM, errno.ENOTSUP})


def object_id(entry: Entry, content: bytes) -> str:
    """The id of a file with this entry's metadata and this sha256 of its content."""
    digest = hashlib.sha256(b"tidegate-object-1\0" + content)
    digest.update(struct.pack(">IIIqQI", entry.mode, entry.uid, entry.gid, entry.mtime_ns, entry.size, 0))
    for name, value in entry.xattrs:
        digest.update(struct.pack(">II", len(name), len(value)) + name + value)
    return digest.hexdigest()


class ObjectStore:
    """Objects, committed and incoming. Close it: it holds directories open."""

    def __init__(self, committed: Path, incoming: Path, metadata: Metadata) -> None:
        self._metadata = metadata
        self._roots = [os.open(committed, os.O_RDONLY | os.O_DIRECTORY)]
        self._roots.append(os.open(incoming, os.O_RDONLY | os.O_DIRECTORY))
        self._incoming: set[str] = set()
        self._intact: set[str] = set()
        self._folders: set[tuple[int, str]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._roots:
            os.close(descriptor)

    def is_new(self, content: str) -> bool:
        """Whether this staging brought the object."""
        return content in self._incoming

    def has(self, entry: Entry) -> bool:
        """Whether an entry's object is there and shows no sign of having been written to."""
        if entry.content in self._incoming:
            return True
        entry = self._metadata.adapt(entry)
        try:
            found = os.stat(_path(entry.content), dir_fd=self._roots[0])
        except FileNotFoundError:
            return False
        # Whole seconds: there are file systems that keep no finer time.
        return (
            stat.S_ISREG(found.st_mode)
            and stat.S_IMODE(found.st_mode) == entry.mode
            and (found.st_uid, found.st_gid, found.st_size) == (entry.uid, entry.gid, entry.size)
            and found.st_mtime_ns // _NANO == entry.mtime_ns // _NANO
            and (not self._metadata.writable_by_others(entry) or self._is_intact(entry))
        )

    def _is_intact(self, entry: Entry) -> bool:
        """Whether it holds what its id says: who may write to a file may also set its time back."""
        if entry.content not in self._intact:
            digest = content_digest(_path(entry.content), self._roots[0], entry.size)
            if digest is None or object_id(entry, digest) != entry.content:
                return False
            self._intact.add(entry.content)
        return True

    def add(self, entry: Entry, pieces: Iterator[memoryview]) -> Entry:
        """Store a file's content under its id, hashing it on the way.

        Args:
            entry: the file.
            pieces: exactly `entry.size` bytes.

        Returns:
            The entry with its `content` filled in.
        """
        if entry.size > SMALL_BYTES:
            return self._add_large(entry, pieces)
        content = b"".join(pieces)
        entry = self._identified(entry, hashlib.sha256(content).digest())
        if not self.has(entry):
            self._make_folder(entry.content, self._roots[1])
            with self._create(_path(entry.content)) as descriptor:
                _write_all(descriptor, memoryview(content))
                self._metadata.put_on_open(descriptor, entry)
            self._incoming.add(entry.content)
        return entry

    def _add_large(self, entry: Entry, pieces: Iterator[memoryview]) -> Entry:
        digest = hashlib.sha256()
        with self._create(_NEW) as descriptor:
            for piece in pieces:
                digest.update(piece)
                _write_all(descriptor, piece)
            self._metadata.put_on_open(descriptor, entry)
        entry = self._identified(entry, digest.digest())
        if self.has(entry):
            os.unlink(_NEW, dir_fd=self._roots[1])
        else:
            self._keep(entry.content)
        return entry

    def link(self, entry: Entry, directory: int, name: bytes) -> None:
        """Give an object a name in a tree."""
        source, root = _path(entry.content), self._root(entry.content)
        try:
            os.link(source, name, src_dir_fd=root, dst_dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            self._copy(entry, directory, name)

    def commit(self) -> None:
        """Let the incoming objects count. Their content must be on disk by now."""
        committed, incoming = self._roots
        for content in self._incoming:
            self._make_folder(content, committed)
            os.rename(_path(content), _path(content), src_dir_fd=incoming, dst_dir_fd=committed)
        self._incoming.clear()

    def _identified(self, entry: Entry, digest: bytes) -> Entry:
        return entry._replace(content=object_id(self._metadata.adapt(entry), digest))

    def _copy(self, entry: Entry, directory: int, name: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        source = os.open(_path(entry.content), os.O_RDONLY, dir_fd=self._root(entry.content))
        with os.fdopen(source, "rb") as reader:
            target = os.open(name, flags, 0o600, dir_fd=directory)
            with os.fdopen(target, "wb") as writer:
                shutil.copyfileobj(reader, writer)
                writer.flush()
                self._metadata.put_on_open(writer.fileno(), entry)

    def _root(self, content: str) -> int:
        return self._roots[1] if content in self._incoming else self._roots[0]

    @contextmanager
    def _create(self, name: str) -> Iterator[int]:
        """Open a new file among the incoming ones; what an interrupted attempt left of it is replaced."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        descriptor = os.open(name, flags, 0o600, dir_fd=self._roots[1])
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _make_folder(self, content: str, root: int) -> None:
        if (root, content[:2]) not in self._folders:
            with suppress(FileExistsError):
                os.mkdir(content[:2], 0o700, dir_fd=root)
            self._folders.add((root, content[:2]))

    def _keep(self, content: str) -> None:
        self._make_folder(content, self._roots[1])
        os.rename(_NEW, _path(content), src_dir_fd=self._roots[1], dst_dir_fd=self._roots[1])
        self._incoming.add(content)


def _path(content: str) -> str:
    return f"{content[:2]}/{content[2:]}"


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
