"""One file of a layer, as data."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What an entry is. The values are those of a tar header's typeflag (POSIX.1-1988, ustar)."""

    FILE = "0"
    HARDLINK = "1"
    SYMLINK = "2"
    CHAR = "3"
    BLOCK = "4"
    DIRECTORY = "5"
    FIFO = "6"


class Entry(NamedTuple):
    """A tar entry, or a file of the merged tree.

    Attributes:
        name: the path as the archive spells it; not checked.
        kind: file, directory, link and so on.
        mode: permission bits with setuid, setgid and sticky.
        uid: numeric owner.
        gid: numeric group.
        mtime_ns: modification time, nanoseconds since the epoch.
        size: bytes of content; 0 for all but files.
        link: the target of a symbolic or hard link.
        device: the device number of a character or block device.
        xattrs: extended attributes, sorted by name.
        content: the hex id of the stored object that holds a file's content, once it is stored.
    """

    name: bytes
    kind: Kind
    mode: int
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    size: int = 0
    link: bytes = b""
    device: int = 0
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    content: str = ""
