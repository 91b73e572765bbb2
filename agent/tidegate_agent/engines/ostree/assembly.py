"""A host's tree on disk, made of hard links into the checkouts of its layers.

Every directory is made by this process and entered by its handle with O_NOFOLLOW, every other name is made in
such a handle: no symbolic link of the image is ever followed, and nothing can be written outside.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tidegate_agent.engines.images.entry import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tidegate_agent.engines.images.tree import Node

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Assembly:
    """Writes one tree.

    Args:
        layers: the folder with the layers' checkouts; a file's content id is its path below.
        made: contents that no layer has, by the id() of their entries.
        check: called before every directory, and may raise to stop.

    Attributes:
        files: how many were linked or made, by the checkout's name, and "" for those made.
    """

    def __init__(self, layers: Path, made: Mapping[int, bytes], check: Callable[[], None]) -> None:
        self.files: dict[str, int] = {}
        self._layers = layers
        self._made = made
        self._check = check
        self._source = -1

    def write(self, root: Node, folder: Path) -> None:
        """Write the tree into a new folder.

        Raises:
            OSError: the disk's.
        """
        folder.mkdir(mode=0o700)
        self._source = os.open(self._layers, _DIRECTORY)
        try:
            self._fill(root, os.open(folder, _DIRECTORY))
        finally:
            os.close(self._source)

    def _fill(self, node: Node, descriptor: int) -> None:
        """Fill a directory, then give it its own attributes. Closes the handle."""
        try:
            self._check()
            for name, child in node.children.items():
                if child.is_directory:
                    os.mkdir(name, 0o700, dir_fd=descriptor)
                    self._fill(child, os.open(name, _DIRECTORY, dir_fd=descriptor))
                elif child.entry.kind is Kind.FILE:
                    self._file(child.entry, descriptor, name)
                else:
                    _symlink(child.entry, descriptor, name)
            _adorn(node.entry, descriptor)
        finally:
            os.close(descriptor)

    def _file(self, entry: Entry, descriptor: int, name: bytes) -> None:
        layer, _, _ = entry.content.partition("/")
        if id(entry) in self._made:
            self._make(entry, descriptor, name)
        else:
            os.link(
                entry.content, name, src_dir_fd=self._source, dst_dir_fd=descriptor, follow_symlinks=False
            )
        self.files[layer] = self.files.get(layer, 0) + 1

    def _make(self, entry: Entry, descriptor: int, name: bytes) -> None:
        with os.fdopen(os.open(name, _NEW, 0o600, dir_fd=descriptor), "wb") as file:
            file.write(self._made[id(entry)])
            _adorn(entry, file.fileno())


def _adorn(entry: Entry, descriptor: int) -> None:
    """Owner, then mode, which a change of owner may reduce (chown(2)), then attributes."""
    os.fchown(descriptor, entry.uid, entry.gid)
    os.fchmod(descriptor, entry.mode)
    for name, value in entry.xattrs:
        os.setxattr(descriptor, name, value)


def _symlink(entry: Entry, descriptor: int, name: bytes) -> None:
    os.symlink(entry.link, name, dir_fd=descriptor)
    os.chown(name, entry.uid, entry.gid, dir_fd=descriptor, follow_symlinks=False)
    for key, value in entry.xattrs:
        # There is no call that takes a handle and a name (setxattrat(2) is of Linux 6.13).
        os.setxattr(f"/proc/self/fd/{descriptor}/".encode() + name, key, value, follow_symlinks=False)
