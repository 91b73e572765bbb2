"""A sysroot that is mounted read-only, made writable for this thread and its children alone.

Hosts with `sysroot.readonly` (ostree-prepare-root(1)) keep /sysroot read-only for everybody. It is done as
libostree does it (`ostree_sysroot_initialize_with_mount_namespace`): a mount namespace of one's own, and a
remount in it, that ends with the thread. Mounts of the host still arrive there.
"""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path
from typing import Final

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

# linux/sched.h and linux/mount.h; os.unshare came with Python 3.12, and there is no os.mount.
_CLONE_NEWNS: Final = 0x00020000
_MS_REMOUNT: Final = 0x20
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_SLAVE: Final = 0x80000
# proc(5): the fifth field is the mount point, with blanks and the like in octal.
_MOUNTS: Final = Path("/proc/thread-self/mountinfo")
_OCTAL: Final = re.compile(rb"\\([0-7]{3})")
_KEPT: Final = {os.ST_NOSUID: 0x2, os.ST_NODEV: 0x4, os.ST_NOEXEC: 0x8, os.ST_NOATIME: 0x400}


def ensure_writable(folder: Path) -> None:
    """Make the file system of a folder writable in this thread, if it is mounted read-only.

    Raises:
        EngineError: DISK_IO, when that is not allowed, or the file system itself is read-only.
        OSError: the disk's.
    """
    if not _is_read_only(folder):
        return
    place = _mount_point(folder.resolve())
    try:
        _leave_and_remount(place)
    except OSError as error:
        raise _refused(place, error.strerror or str(error)) from error
    if _is_read_only(folder):
        raise _refused(place, "the file system itself is read-only, see the kernel's messages")


def _leave_and_remount(place: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    flags = _MS_REMOUNT | _MS_BIND
    found = os.statvfs(place).f_flag
    flags |= sum(ours for theirs, ours in _KEPT.items() if found & theirs)
    _check(libc.unshare(_CLONE_NEWNS))
    # Private to us first: a remount must not reach the host.
    _check(libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_SLAVE), None))
    _check(libc.mount(None, os.fsencode(place), None, ctypes.c_ulong(flags), None))


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _is_read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _mount_point(path: Path) -> Path:
    """The innermost mount that holds a path, from the kernel's own list.

    os.path.ismount does not know a bind mount of the same file system, and /sysroot is one.
    """
    lines = _MOUNTS.read_bytes().splitlines()
    mounts = {_OCTAL.sub(lambda found: bytes([int(found[1], 8)]), line.split()[4]) for line in lines}
    return next((one for one in (path, *path.parents) if os.fsencode(one) in mounts), path)


def _refused(place: Path, why: str) -> EngineError:
    return EngineError(
        Code.DISK_IO,
        f"{place} is mounted read-only and cannot be made writable for the agent: {why}; on a host with "
        "sysroot.readonly the agent's unit needs the drop-in tool-engines.conf",
    )
