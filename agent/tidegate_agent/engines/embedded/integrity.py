"""Is what lies on the disk what was staged? Every file is read and hashed: slow, on demand."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from tidegate_agent.engines.embedded.entry import Entry, Kind
from tidegate_agent.engines.embedded.info import ROOTFS
from tidegate_agent.engines.embedded.metadata import Metadata
from tidegate_agent.engines.embedded.objects import object_id
from tidegate_agent.engines.embedded.record import read_record
from tidegate_agent.engines.embedded.tree import Node, Tree
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code
from tidegate_wire.registry.digest import hex_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_agent.engines.embedded.limits import Limits
    from tidegate_agent.engines.embedded.store import Store

_READ_BYTES = 1024 * 1024
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


def find_damage(store: Store, digest: str, limits: Limits) -> list[Damage]:
    """Compare a generation with the records of its layers, path by path.

    Raises:
        EngineError: IMAGE_NOT_FOUND when there is no such generation; DISK_IO when its records are gone.
    """
    info = store.info(hex_of(digest))
    if info is None:
        raise EngineError(Code.IMAGE_NOT_FOUND, f"{digest} is not in the store")
    metadata, tree = Metadata(os.geteuid(), os.getegid()), Tree(limits)
    for layer in info.layers:
        entries = read_record(store.layers / hex_of(layer), layer, metadata.uid)
        if entries is None:
            raise EngineError(Code.DISK_IO, f"the record of layer {layer} is missing or damaged")
        tree.apply(entries)
    root = os.open(store.tree_of(digest) / ROOTFS, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    return list(_compare(tree.root, root, "", metadata))


def _compare(node: Node, folder: int, path: str, metadata: Metadata) -> Iterator[Damage]:
    """Compare one directory, entering those below it by their handles. Closes the handle."""
    try:
        found = {os.fsencode(name) for name in os.listdir(folder)}
        for name in sorted(found - set(node.children)):
            yield Damage(f"{path}/{os.fsdecode(name)}", "was added")
        for name, child in sorted(node.children.items()):
            where = f"{path}/{os.fsdecode(name)}"
            if name not in found:
                if metadata.can_make(child.entry):
                    yield Damage(where, "is missing")
                continue
            what = _difference(child.entry, folder, name, metadata)
            if what is not None:
                yield Damage(where, what)
            elif child.is_directory:
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                yield from _compare(child, inner, where, metadata)
    finally:
        os.close(folder)


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
    content = _hash(folder, name)
    return None if object_id(entry, content) == entry.content else "has another content"


def _hash(folder: int, name: bytes) -> bytes:
    digest = hashlib.sha256()
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
    return digest.digest()
