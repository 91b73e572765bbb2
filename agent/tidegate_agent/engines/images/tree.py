"""The merged tree of an image, from its layers' entries. Pure: no file is touched.

All that is hard about layers happens here, in memory: whiteouts, opaque directories, replacement, hard
links, paths that lead through symbolic links. What comes out is a plain tree in which every directory is a
directory, so that writing it to disk never follows a link (OCI image-spec, layer.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.engines.images.entry import Entry, Kind
from tidegate_agent.engines.images.limits import Limits, hostile, malformed
from tidegate_agent.engines.images.paths import split_name, split_target

if TYPE_CHECKING:
    from collections.abc import Iterable

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
_AUFS = (
    b".wh..wh."  # the names of aufs's own bookkeeping, .wh..wh.plnk for example, which some layers still have
)
_MAX_LINKS = 40  # as many as the kernel follows in one path (MAXSYMLINKS)
_IMPLICIT = Entry(name=b"", kind=Kind.DIRECTORY, mode=0o755)


class Node:
    """One path of the tree. Hard links are nodes with the same entry object.

    Attributes:
        entry: what lies there.
        layer: index of the layer that put it there last.
        children: by name; empty for all but directories.
    """

    __slots__ = ("children", "entry", "layer")

    def __init__(self, entry: Entry, layer: int) -> None:
        self.entry = entry
        self.layer = layer
        self.children: dict[bytes, Node] = {}

    @property
    def is_directory(self) -> bool:
        """Whether it can have children."""
        return self.entry.kind is Kind.DIRECTORY


class Tree:
    """The tree as it grows, layer by layer, lowest first."""

    def __init__(self, limits: Limits) -> None:
        self.root = Node(_IMPLICIT, -1)
        self._depth = limits.depth
        self._layer = -1

    def apply(self, entries: Iterable[Entry]) -> None:
        """Lay the next layer over the tree.

        Raises:
            EngineError: IMAGE_HOSTILE, IMAGE_MALFORMED or IMAGE_TOO_LARGE.
        """
        self._layer += 1
        for entry in entries:
            parts = split_name(entry.name, self._depth)
            if any(part.startswith(_AUFS) and part != OPAQUE for part in parts):
                continue
            if not parts:
                self._set_root(entry)
            elif parts[-1].startswith(WHITEOUT):
                self._whiteout(parts[:-1], parts[-1])
            else:
                self._put(parts, entry)

    def _set_root(self, entry: Entry) -> None:
        if entry.kind is not Kind.DIRECTORY:
            raise hostile("a layer replaces the image's root by something else than a directory")
        self.root.entry, self.root.layer = entry, self._layer

    def _put(self, parts: tuple[bytes, ...], entry: Entry) -> None:
        parent = self._directory(parts[:-1])
        if entry.kind is Kind.HARDLINK:
            entry = self._link_target(entry)
        old = parent.children.get(parts[-1])
        if old is not None and old.is_directory and entry.kind is Kind.DIRECTORY:
            old.entry, old.layer = entry, self._layer
        else:
            parent.children[parts[-1]] = Node(entry, self._layer)

    def _link_target(self, entry: Entry) -> Entry:
        """The entry that a hard link shares; looked up in the tree, so it cannot be outside of it."""
        parts = split_target(entry.link, self._depth)
        parent = self._find(parts[:-1])
        node = parent.children.get(parts[-1]) if parent else None
        if node is None:
            raise malformed(
                f"the hard link {entry.name!r} leads to {entry.link!r}, which is not in the image"
            )
        if node.is_directory:
            raise malformed(f"the hard link {entry.name!r} leads to a directory")
        return node.entry

    def _whiteout(self, parents: tuple[bytes, ...], name: bytes) -> None:
        """Hide what lower layers put there; what this layer puts there stays, in whatever order."""
        if name == OPAQUE:
            self._hide_children(self._directory(parents))
            return
        hidden = name.removeprefix(WHITEOUT)
        if hidden in (b"", b".", b".."):
            raise hostile(f"the whiteout {name!r} names nothing that can be removed")
        parent = self._find(parents)
        if parent is not None and hidden in parent.children:
            self._hide(parent, hidden)

    def _hide(self, parent: Node, name: bytes) -> None:
        node = parent.children[name]
        if node.is_directory:
            self._hide_children(node)
        if node.layer == self._layer:
            return
        if node.children:
            node.entry, node.layer = _IMPLICIT, self._layer
        else:
            del parent.children[name]

    def _hide_children(self, node: Node) -> None:
        for name in list(node.children):
            self._hide(node, name)

    def _find(self, parts: tuple[bytes, ...]) -> Node | None:
        return self._walk(parts, create=False)

    def _directory(self, parts: tuple[bytes, ...]) -> Node:
        node = self._walk(parts, create=True)
        if node is None:
            raise malformed(f"the parent {b'/'.join(parts)!r} of a file is not a directory")
        return node

    def _walk(self, parts: tuple[bytes, ...], *, create: bool) -> Node | None:
        """Follow a path as a process would that has the image as its root: links and `..` end at that root.

        With `create`, missing directories come into being, as archives may leave them out; a file in the way
        of a directory is replaced by one. Without, None says that there is no such directory.
        """
        ancestors = [self.root]
        todo = list(reversed(parts))
        links = 0
        while todo:
            part = todo.pop()
            if part == b"..":
                ancestors[1:] = ancestors[1:-1]
                continue
            node = ancestors[-1].children.get(part)
            if node is not None and node.entry.kind is Kind.SYMLINK:
                links += 1
                ancestors = ancestors[:1] if node.entry.link.startswith(b"/") else ancestors
                todo.extend(self._target(node.entry.link, links))
                continue
            if node is None or not node.is_directory:
                if not create:
                    return None
                if part.startswith(WHITEOUT):
                    raise malformed(f"the directory {part!r} has the name of a whiteout")
                node = ancestors[-1].children[part] = Node(_IMPLICIT, self._layer)
            ancestors.append(node)
            if len(ancestors) > self._depth + 1:
                raise hostile(f"a path leads through links more than {self._depth} directories deep")
        return ancestors[-1]

    @staticmethod
    def _target(link: bytes, links: int) -> list[bytes]:
        """A symbolic link's components, last first."""
        if links > _MAX_LINKS:
            raise hostile(f"a path leads through more than {_MAX_LINKS} symbolic links")
        if b"\0" in link:
            raise hostile(f"the symbolic link to {link!r} holds a NUL")
        return [part for part in reversed(link.split(b"/")) if part not in (b"", b".")]
