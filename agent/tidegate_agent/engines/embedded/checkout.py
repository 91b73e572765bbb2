"""The merged tree, written to disk below one open directory.

Every directory is made by this process and entered by its handle with O_NOFOLLOW, every other name is made in
such a handle: no symbolic link of the image is ever followed, and nothing can be written outside.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tidegate_agent.engines.images.entry import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.engines.embedded.metadata import Metadata
    from tidegate_agent.engines.embedded.objects import ObjectStore
    from tidegate_agent.engines.images.tree import Node

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_TYPES = {Kind.CHAR: stat.S_IFCHR, Kind.BLOCK: stat.S_IFBLK, Kind.FIFO: stat.S_IFIFO}


class Checkout:
    """Writes one tree.

    Attributes:
        files_new: files whose object this staging brought.
        files_reused: files whose object was there already.
    """

    def __init__(self, objects: ObjectStore, metadata: Metadata, check: Callable[[], None]) -> None:
        self.files_new = 0
        self.files_reused = 0
        self._objects = objects
        self._metadata = metadata
        self._check = check
        self._places: dict[int, tuple[bytes, ...]] = {}
        self._root = -1

    def write(self, root: Node, descriptor: int) -> None:
        """Write the tree into the empty directory that is open as `descriptor`."""
        self._root = descriptor
        self._fill(root, descriptor, ())

    def _fill(self, node: Node, descriptor: int, path: tuple[bytes, ...]) -> None:
        self._check()
        for name, child in node.children.items():
            if child.is_directory:
                os.mkdir(name, 0o700, dir_fd=descriptor)
                inner = os.open(name, _DIRECTORY, dir_fd=descriptor)
                try:
                    self._fill(child, inner, (*path, name))
                finally:
                    os.close(inner)
            elif child.entry.kind is Kind.FILE:
                self._file(child.entry, descriptor, name)
            else:
                self._special(child.entry, descriptor, (*path, name))
        # Last, when nothing more is made in it: a directory may forbid writing, and keeps its own time.
        self._metadata.note(node.entry)
        self._metadata.put_on_open(descriptor, node.entry)

    def _file(self, entry: Entry, descriptor: int, name: bytes) -> None:
        self._metadata.note(entry)
        self._objects.link(entry, descriptor, name)
        if self._objects.is_new(entry.content):
            self.files_new += 1
        else:
            self.files_reused += 1

    def _special(self, entry: Entry, descriptor: int, path: tuple[bytes, ...]) -> None:
        """A symbolic link, fifo or device: made once, linked wherever the image has a hard link to it.

        Without privilege each is made anew: the first one's directory may already be closed to this user.
        """
        name = path[-1]
        first = self._places.get(id(entry))
        if first is not None and self._metadata.privileged:
            self._link_again(first, descriptor, name)
            return
        if not self._metadata.can_make(entry):
            return
        if entry.kind is Kind.SYMLINK:
            os.symlink(entry.link, name, dir_fd=descriptor)
        else:
            os.mknod(name, _TYPES[entry.kind] | 0o600, entry.device, dir_fd=descriptor)
        self._metadata.note(entry)
        self._metadata.put_on_special(name, descriptor, entry)
        self._places[id(entry)] = path

    def _link_again(self, first: tuple[bytes, ...], descriptor: int, name: bytes) -> None:
        """Hard-link a special file to its first place, entering every directory on the way by its handle."""
        folder = os.dup(self._root)
        try:
            for part in first[:-1]:
                inner = os.open(part, _DIRECTORY, dir_fd=folder)
                os.close(folder)
                folder = inner
            os.link(first[-1], name, src_dir_fd=folder, dst_dir_fd=descriptor, follow_symlinks=False)
        finally:
            os.close(folder)
