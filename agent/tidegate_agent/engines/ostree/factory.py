"""What an image has below /var: copied to a host's /var at boot where it is missing there. PURE.

An ostree host keeps its /var over all updates, so that of an image cannot be it. It goes to
/usr/share/factory/var, and lines of tmpfiles.d(5) say what to copy from there: every directory two levels
below /var that the host does not have, or has empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.engines.images.entry import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_agent.engines.images.tree import Node

FOLDER: Final = (b"usr", b"share", b"factory", b"var")
SNIPPET: Final = (b"usr", b"lib", b"tmpfiles.d", b"zz-tidegate-factory-var.conf")
"""Late in the alphabet: what the image's own lines say about a path counts."""

_HEAD = b"# What the image has below /var, for hosts that lack it. Written by tidegate, see tmpfiles.d(5).\n"
_COPIED = frozenset({Kind.DIRECTORY, Kind.FILE, Kind.SYMLINK})
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+@,:")


def tmpfiles(var: Node) -> bytes:
    """The lines for a /var: `d` for its directories, `C` for what lies in them."""
    return _HEAD + b"".join(_lines(var))


def snippet(content: bytes) -> Entry:
    """The entry of a file with these lines. Its content is not stored yet."""
    return Entry(name=b"", kind=Kind.FILE, mode=0o644, size=len(content))


def _lines(var: Node) -> Iterator[bytes]:
    for name, node in sorted(var.children.items()):
        path = b"/var/" + name
        if not node.is_directory:
            yield from _copy(path, node)
            continue
        entry = node.entry
        yield b"d %s %04o %d %d -\n" % (_quoted(path), entry.mode, entry.uid, entry.gid)
        for inner, child in sorted(node.children.items()):
            yield from _copy(path + b"/" + inner, child)


def _copy(path: bytes, node: Node) -> Iterator[bytes]:
    if node.entry.kind in _COPIED:
        yield b"C %s - - - -\n" % _quoted(path)


def _quoted(path: bytes) -> bytes:
    """A path with `%` doubled, which begins a specifier, and all that is not plain as C would write it."""
    text = b"".join(b"%c" % byte if byte in _PLAIN else _escape(byte) for byte in path)
    return b'"%s"' % text


def _escape(byte: int) -> bytes:
    return b"%%" if byte == ord("%") else b"\\x%02x" % byte
