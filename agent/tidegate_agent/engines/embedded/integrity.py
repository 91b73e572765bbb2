"""Is what lies on the disk what was staged? Every file is read and hashed: slow, on demand.

Of what is exposed, which is what others than the agent may write to, the question is asked whenever a
generation is about to be used. A directory exposes all below it: who may write to it may put another tree in
a name's place. One of root's with the sticky bit does not, and what is added there does not count: /tmp is
everybody's before and after activation, and nobody could replace there what is not his own (inode(7)).
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from tidegate_agent.engines.embedded.content import content_digest
from tidegate_agent.engines.embedded.info import ROOTFS
from tidegate_agent.engines.embedded.metadata import Metadata
from tidegate_agent.engines.embedded.objects import object_id
from tidegate_agent.engines.images.entry import Entry, Kind
from tidegate_agent.engines.images.record import read_record
from tidegate_agent.engines.images.tree import Node, Tree
from tidegate_agent.errors import EngineError
from tidegate_agent.plaintext import harmless
from tidegate_schemas.codes import Code
from tidegate_wire.registry.digest import hex_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate_agent.engines.embedded.store import Store
    from tidegate_agent.engines.images.limits import Limits

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NANO = 10**9
_TYPES = {
    Kind.FILE: stat.S_IFREG,
    Kind.SYMLINK: stat.S_IFLNK,
    Kind.DIRECTORY: stat.S_IFDIR,
    Kind.CHAR: stat.S_IFCHR,
    Kind.BLOCK: stat.S_IFBLK,
    Kind.FIFO: stat.S_IFIFO,
}


class Damage(NamedTuple):
    """One path that is not as it was staged, and in what."""

    path: str
    what: str


def find_damage(
    store: Store, digest: str, limits: Limits, check: Callable[[], None], *, exposed: bool = False
) -> list[Damage]:
    """Compare a generation with the records of its layers, path by path.

    Args:
        store: locked by the caller.
        digest: the generation's announced digest.
        limits: what merging the layers may cost.
        check: called before each path, and may raise to stop.
        exposed: compare only what others than the agent may write to.

    Raises:
        EngineError: IMAGE_NOT_FOUND when there is no such generation; DISK_IO when its records are gone.
    """
    info = store.info(hex_of(digest))
    if info is None:
        raise EngineError(Code.IMAGE_NOT_FOUND, f"{digest} is not in the store")
    metadata, tree = Metadata(os.geteuid(), os.getegid()), Tree(limits)
    if exposed and (info.exposed == 0 or not metadata.privileged):
        return []
    for layer in info.layers:
        entries = read_record(store.layers / hex_of(layer), layer, metadata.uid)
        if entries is None:
            raise EngineError(Code.DISK_IO, f"the record of layer {layer} is missing or damaged")
        tree.apply(entries)
    root = os.open(store.tree_of(digest) / ROOTFS, _DIRECTORY)
    every = not exposed or metadata.exposes(tree.root.entry)
    return list(_Comparison(metadata, check).directory(tree.root, root, "", every=every))


def mismatch(digest: str, damage: list[Damage]) -> EngineError:
    """The error for a generation that is not what was staged any more."""
    first, more = damage[0], f" and {len(damage) - 1} more" if len(damage) > 1 else ""
    reason = f"{digest} is not what was staged: {harmless(first.path)} {first.what}{more}"
    return EngineError(Code.IMAGE_DIGEST_MISMATCH, reason)


class _Comparison:
    """Walks a tree on the disk beside the one that it should be."""

    def __init__(self, metadata: Metadata, check: Callable[[], None]) -> None:
        self._metadata = metadata
        self._check = check

    def directory(self, node: Node, folder: int, path: str, *, every: bool) -> Iterator[Damage]:
        """Compare one directory, entering those below it by their handles. Closes the handle.

        With `every` all names count; else only those that are exposed, and directories as the way to them.
        """
        try:
            if every:
                found = {os.fsencode(name) for name in os.listdir(folder)}
                for name in sorted(found - set(node.children)):
                    yield Damage(f"{path}/{os.fsdecode(name)}", "was added")
            for name, child in sorted(node.children.items()):
                self._check()
                below = every or self._metadata.exposes(child.entry)
                if below or child.is_directory:
                    yield from self._child(child, folder, name, path, every=below)
        finally:
            os.close(folder)

    def _child(self, child: Node, folder: int, name: bytes, path: str, *, every: bool) -> Iterator[Damage]:
        where = f"{path}/{os.fsdecode(name)}"
        try:
            what = _difference(child.entry, folder, name, self._metadata)
            inner = os.open(name, _DIRECTORY, dir_fd=folder) if child.is_directory and not what else -1
        except FileNotFoundError:
            what, inner = "is missing" if self._metadata.can_make(child.entry) else None, -1
        if what is not None:
            yield Damage(where, what)
        elif inner >= 0:
            yield from self.directory(child, inner, where, every=every)


def _difference(raw: Entry, folder: int, name: bytes, metadata: Metadata) -> str | None:
    """What is wrong with one path, the cheap questions first."""
    entry = metadata.adapt(raw)
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_IFMT(status.st_mode) != _TYPES[entry.kind]:
        return "is of another type"
    if (status.st_uid, status.st_gid) != (entry.uid, entry.gid):
        return "has another owner"
    if entry.kind is Kind.SYMLINK:
        same = os.readlink(name, dir_fd=folder) == entry.link
        return None if same else "leads elsewhere"
    if stat.S_IMODE(status.st_mode) != entry.mode:
        return "has another mode"
    return _written(entry, status, folder, name) if entry.kind is Kind.FILE else None


def _written(entry: Entry, status: os.stat_result, folder: int, name: bytes) -> str | None:
    if status.st_size != entry.size or status.st_mtime_ns // _NANO != entry.mtime_ns // _NANO:
        return "was written to"
    content = content_digest(name, folder, entry.size)
    same = content is not None and object_id(entry, content) == entry.content
    return None if same else "has another content"
