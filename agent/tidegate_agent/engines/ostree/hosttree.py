"""The merged image as the tree that an ostree host boots. PURE.

- /etc is laid over /usr/etc, from which ostree merges a host's own /etc at every update
- /var goes to /usr/share/factory/var (see `factory`), and so do /home, /root, /srv and /mnt, whose places
  become links into /var: below / and /usr nothing is kept over updates, or can be written
- /boot belongs to the boot loader; a kernel in it is moved (see `kernel`)
- what is made anew at every boot (/dev, /proc, /run, /sys, /tmp) is empty
- /sysroot and the link /ostree are there, as libostree needs them
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tidegate_agent.engines.images.entry import Entry, Kind
from tidegate_agent.engines.images.tree import Node
from tidegate_agent.engines.ostree.factory import FOLDER, SNIPPET, snippet, tmpfiles
from tidegate_agent.engines.ostree.kernel import BootFiles, not_bootable, settle_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

_EMPTY = {b"boot": 0o755, b"dev": 0o755, b"proc": 0o555, b"run": 0o755, b"sys": 0o555, b"sysroot": 0o755}
_STATE = {b"home": b"home", b"mnt": b"mnt", b"root": b"roothome", b"srv": b"srv"}
_OS_RELEASE = ((b"usr", b"lib", b"os-release"), (b"usr", b"etc", b"os-release"))
_OURS = -1
_STORED = frozenset({Kind.DIRECTORY, Kind.FILE, Kind.SYMLINK})


class HostTree(NamedTuple):
    """A tree to boot.

    Attributes:
        root: it.
        boot: its kernel and initramfs.
        made: the content of files that no layer has, by the id() of their entries.
        left_out: how many devices, fifos and sockets there were, which ostree does not store.
    """

    root: Node
    boot: BootFiles
    made: dict[int, bytes]
    left_out: int


def host_tree(root: Node) -> HostTree:
    """Turn the merged tree of an image into that of a host; it is changed in place.

    Raises:
        EngineError: IMAGE_NOT_BOOTABLE.
    """
    if not _is_directory(root, b"usr"):
        raise not_bootable("it has no /usr: it is no operating system")
    boot = settle_kernel(root)
    for name, mode in _EMPTY.items():
        root.children[name] = _directory(mode)
    root.children[b"tmp"] = _directory(0o1777)
    _settle_etc(root)
    var = _settle_var(root)
    root.children[b"ostree"] = _link(b"sysroot/ostree")
    made = _make_snippet(root, var)
    left_out = _drop_unstored(root)
    _require_os_release(root)
    return HostTree(root, boot, made, left_out)


def _settle_etc(root: Node) -> None:
    etc = root.children.pop(b"etc", None)
    if etc is not None and not etc.is_directory:
        raise not_bootable("its /etc is no directory")
    usr = root.children[b"usr"]
    if etc is not None:
        base = usr.children.setdefault(b"etc", _directory(0o755))
        if not base.is_directory:
            raise not_bootable("its /usr/etc is no directory")
        base.entry = etc.entry
        _lay_over(base, etc)
    elif not _is_directory(usr, b"etc"):
        raise not_bootable("it has neither /etc nor /usr/etc")


def _settle_var(root: Node) -> Node:
    """Move what hosts keep of their own to the factory's /var. Returns that."""
    var = root.children.pop(b"var", None)
    if var is None or not var.is_directory:
        var = _directory(0o755)
    for name, place in _STATE.items():
        node = root.children.get(name)
        if node is None or node.is_directory:
            root.children[name] = _link(b"var/" + place)
            var.children.setdefault(place, node or _directory(0o700 if name == b"root" else 0o755))
    factory = _make_directories(root, FOLDER)
    _lay_over(var, factory)
    factory.children = var.children
    factory.entry = var.entry
    root.children[b"var"] = _directory(0o755)
    return factory


def _make_snippet(root: Node, var: Node) -> dict[int, bytes]:
    content = tmpfiles(var)
    entry = snippet(content)
    _make_directories(root, SNIPPET[:-1]).children[SNIPPET[-1]] = Node(entry, _OURS)
    return {id(entry): content}


def _lay_over(base: Node, upper: Node) -> None:
    """Put all that `upper` has into `base`; where both have something, the upper's counts."""
    for name, node in upper.children.items():
        old = base.children.get(name)
        if old is not None and old.is_directory and node.is_directory:
            old.entry = node.entry
            _lay_over(old, node)
        else:
            base.children[name] = node


def _make_directories(root: Node, parts: tuple[bytes, ...]) -> Node:
    node = root
    for part in parts:
        child = node.children.get(part)
        if child is None:
            child = node.children[part] = _directory(0o755)
        elif not child.is_directory:
            raise not_bootable(
                f"its /{b'/'.join(parts).decode()} leads through something else than directories"
            )
        node = child
    return node


def _drop_unstored(root: Node) -> int:
    dropped = 0
    for node in _directories(root):
        for name in [name for name, child in node.children.items() if child.entry.kind not in _STORED]:
            del node.children[name]
            dropped += 1
    return dropped


def _directories(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children.values():
        if child.is_directory:
            yield from _directories(child)


def _require_os_release(root: Node) -> None:
    """Without one ostree does not deploy."""
    for path in _OS_RELEASE:
        node: Node | None = root
        for part in path:
            node = node.children.get(part) if node is not None else None
        if node is not None:
            return
    raise not_bootable("it has neither /usr/lib/os-release nor /etc/os-release")


def _is_directory(node: Node, name: bytes) -> bool:
    child = node.children.get(name)
    return child is not None and child.is_directory


def _directory(mode: int) -> Node:
    return Node(Entry(name=b"", kind=Kind.DIRECTORY, mode=mode), _OURS)


def _link(target: bytes) -> Node:
    return Node(Entry(name=b"", kind=Kind.SYMLINK, mode=0o777, link=target), _OURS)
