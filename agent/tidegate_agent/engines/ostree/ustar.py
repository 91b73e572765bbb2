"""Writing tar headers for ostree to read: only plain files, with names that we make up ourselves.

POSIX.1-2001 pax where ustar's fields are too small; extended attributes as libarchive reads them, which is
the reader inside ostree (`LIBARCHIVE.xattr.` with the name percent-encoded and the value in base64).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from tidegate_agent.engines.images.entry import Entry

BLOCK = 512
END = bytes(2 * BLOCK)
_MAX_ID = 0o7777777
_MAX_SIZE = 0o77777777777


def file_header(name: str, entry: Entry) -> bytes:
    """The header, or headers, of a file with this entry's size, owner, mode and extended attributes.

    Args:
        name: at most 100 bytes of ASCII.
        entry: a file; its own name counts for nothing.
    """
    records = _records(entry)
    uid, gid, size = min(entry.uid, _MAX_ID), min(entry.gid, _MAX_ID), min(entry.size, _MAX_SIZE)
    header = _header(name, entry.mode, (uid, gid), size, b"0")
    if not records:
        return header
    return _header("pax", 0o644, (0, 0), len(records), b"x") + records + padding(len(records)) + header


def padding(size: int) -> bytes:
    """What fills the last block of this many bytes of content."""
    return bytes(-size % BLOCK)


def _records(entry: Entry) -> bytes:
    records = b""
    if entry.uid > _MAX_ID:
        records += _record("uid", str(entry.uid).encode())
    if entry.gid > _MAX_ID:
        records += _record("gid", str(entry.gid).encode())
    if entry.size > _MAX_SIZE:
        records += _record("size", str(entry.size).encode())
    for key, value in entry.xattrs:
        records += _record(f"LIBARCHIVE.xattr.{quote(key, safe='.')}", base64.b64encode(value).rstrip(b"="))
    return records


def _record(key: str, value: bytes) -> bytes:
    """`length key=value` with the length counting itself (POSIX.1-2001, pax Extended Header)."""
    rest = b" " + key.encode() + b"=" + value + b"\n"
    length = len(rest) + len(str(len(rest)))
    return str(len(rest) + len(str(length))).encode() + rest


def _header(name: str, mode: int, owner: tuple[int, int], size: int, typeflag: bytes) -> bytes:
    uid, gid = owner
    fields = (
        name.encode().ljust(100, b"\0")
        + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, uid, gid, size, 0)
        + b" " * 8
        + typeflag
        + bytes(100)
        + b"ustar\x0000"
    )
    block = fields.ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
