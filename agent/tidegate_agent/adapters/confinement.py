"""What a process that handles hostile bytes takes away from itself, before it reads the first of them.

Linux only. The limits hold for the rest of the process's life: soft and hard limit are the same, and
`no_new_privs` cannot be undone (Documentation/userspace-api/no_new_privs.rst).
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Final

_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h
_CAPABILITY_VERSION: Final = 0x20080522  # _LINUX_CAPABILITY_VERSION_3, linux/capability.h
_MIB: Final = 1024 * 1024

OPEN_FILES: Final = 16
"""Enough for imports, pipes and one file or two."""


def confine(memory_mib: int, cpu_seconds: int, *, open_files: int = OPEN_FILES, file_bytes: int = 0) -> None:
    """Give up what verifying, or whatever else is asked for, does not need.

    Args:
        memory_mib: address space that stays. With less, allocations fail: MemoryError.
        cpu_seconds: processor time that stays. Past it the kernel kills the process.
        open_files: how many files and sockets may be open at once.
        file_bytes: the size that a file may be written to; with none, no file can be made to grow.

    Raises:
        OSError: the kernel did not grant one of them.
        ValueError: a limit is above what the process was given itself.
    """
    _limit(resource.RLIMIT_AS, memory_mib * _MIB)
    _limit(resource.RLIMIT_CPU, cpu_seconds)
    _limit(resource.RLIMIT_NOFILE, open_files)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    if "NoNewPrivs:\t1" not in Path("/proc/self/status").read_text():
        _set_no_new_privileges()
    os.environ.clear()


def drop_capabilities() -> None:
    """Give up root's powers over other users' files and processes, where the process has any (capset(2)).

    With `no_new_privs` no program that is started gets them back, and the agent, which has them, cannot be
    traced by a process without (ptrace(2), "Ptrace access mode checking"). Call it once all is imported: the
    interpreter may lie in somebody's home.

    Raises:
        OSError: the kernel refused.
    """
    if "CapPrm:\t0000000000000000" in Path("/proc/self/status").read_text():
        return
    import ctypes  # noqa: PLC0415 - as below

    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _set_no_new_privileges() -> None:
    # Not where it was inherited, as under the agent's unit: ctypes does not go with MemoryDenyWriteExecute.
    import ctypes  # noqa: PLC0415

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    # A limit that the service manager has set lower already stays: raising it is neither allowed nor wanted.
    kept = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (kept, kept))
