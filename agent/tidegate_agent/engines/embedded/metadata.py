"""Owners, modes, attributes and times, as far as this process may set them.

As root everything is set. Anybody else owns all files, and cannot make devices or privileged attributes; what
was left out is counted in notes, so that nobody takes such a tree for a faithful one.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from typing import TYPE_CHECKING

from tidegate_agent.engines.images.entry import Entry, Kind
from tidegate_agent.plaintext import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NEEDS_PRIVILEGE = (b"security.", b"trusted.", b"system.")
# The file system or the kernel has no such attribute, or a container forbids it: the file is usable without.
_CANNOT = frozenset({errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENODATA, errno.EINVAL})
_TOLD_KINDS = 5
_TOLD_CHARACTERS = 80
_DEVICES = frozenset({Kind.CHAR, Kind.BLOCK})


class Metadata:
    """Adapts entries to this process's rights and puts them on files.

    Attributes:
        uid: the effective user.
        notes: how often what was left out: `owner`, `device`, `xattr NAME`.
    """

    def __init__(self, uid: int, gid: int) -> None:
        self.uid = uid
        self._gid = gid
        self.notes: Counter[str] = Counter()

    @property
    def privileged(self) -> bool:
        """Whether owners, devices and every attribute can be set."""
        return self.uid == 0

    def adapt(self, entry: Entry) -> Entry:
        """The entry as this process can make it."""
        if self.privileged:
            return entry
        kept = tuple(pair for pair in entry.xattrs if not pair[0].startswith(_NEEDS_PRIVILEGE))
        return entry._replace(uid=self.uid, gid=self._gid, xattrs=kept)

    def writable_by_others(self, entry: Entry) -> bool:
        """Whether a file like this can be written to by a user who could not write to the store itself."""
        return self.privileged and (entry.uid != 0 or bool(entry.mode & 0o022) or bool(entry.xattrs))

    def exposes(self, entry: Entry) -> bool:
        """Whether others can alter what lies under this name of a directory that is not exposed itself.

        A directory of root's with the sticky bit is not: what is there can be replaced by its owner alone.
        """
        if entry.kind is Kind.SYMLINK:
            return self.privileged and entry.uid != 0  # its mode says nothing
        if entry.kind is Kind.DIRECTORY and entry.uid == 0 and entry.mode & stat.S_ISVTX:
            return False
        return self.writable_by_others(entry)

    def note(self, entry: Entry) -> None:
        """Count what `adapt` leaves out of a file that is being put into a tree."""
        made = self.adapt(entry)
        if (entry.uid, entry.gid) != (made.uid, made.gid):
            self.notes["owner"] += 1
        for name, _ in set(entry.xattrs) - set(made.xattrs):
            self._note(name)

    def can_make(self, entry: Entry) -> bool:
        """Whether such a file can be made at all; devices need root."""
        if entry.kind in _DEVICES and not self.privileged:
            self.notes["device"] += 1
            return False
        return True

    def put_on_open(self, descriptor: int, entry: Entry) -> None:
        """Set everything on an open file or directory.

        The order matters: chown(2) clears setuid and capabilities, and all but utime change nothing of times.
        """
        entry = self.adapt(entry)
        if self.privileged:
            os.fchown(descriptor, entry.uid, entry.gid)
        os.fchmod(descriptor, entry.mode)
        self._put_xattrs(entry, lambda name, value: os.setxattr(descriptor, name, value))
        os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))

    def put_on_special(self, name: bytes, directory: int, entry: Entry) -> None:
        """Set everything on a symbolic link, fifo or device, which must not be opened or followed."""
        entry = self.adapt(entry)
        if self.privileged:
            os.chown(name, entry.uid, entry.gid, dir_fd=directory, follow_symlinks=False)
        if entry.kind is not Kind.SYMLINK:
            # Linux chmod cannot refuse links here, but the name was made by this process a moment ago.
            os.chmod(name, entry.mode, dir_fd=directory)
        path = b"/proc/self/fd/%d/%s" % (directory, name)
        self._put_xattrs(entry, lambda key, value: os.setxattr(path, key, value, follow_symlinks=False))
        os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=directory, follow_symlinks=False)

    def _put_xattrs(self, entry: Entry, put: Callable[[bytes, bytes], None]) -> None:
        for name, value in entry.xattrs:
            try:
                put(name, value)
            except OSError as error:
                if error.errno not in _CANNOT:
                    raise
                self._note(name)

    def _note(self, name: bytes) -> None:
        self.notes[f"xattr {name.decode('utf-8', 'replace')}"] += 1


def left_out(notes: Mapping[str, int]) -> str:
    """Notes as words for people, the most frequent first; names of attributes come from the image."""
    kinds = sorted(notes.items(), key=lambda note: (-note[1], note[0]))
    told = [f"{harmless(kind[:_TOLD_CHARACTERS])} of {count}" for kind, count in kinds[:_TOLD_KINDS]]
    more = [f"{len(kinds) - _TOLD_KINDS} kinds more"] if len(kinds) > _TOLD_KINDS else []
    return ", ".join([*told, *more])
