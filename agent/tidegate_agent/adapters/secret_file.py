"""Reading a file that nobody else may read or write: a private key, a PIN."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

SECRET_BYTES: Final = 16 * 1024
"""The largest secret: a PEM key has about 240 bytes."""

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def read_secret(path: Path, credentials: Path | None = None) -> bytes:
    """Read a secret after looking at who else can.

    Args:
        path: the file; a link is followed, and what it leads to is what is looked at.
        credentials: systemd's directory of credentials. There the mode's group bits are the mask of an access
            list that lets the service's user in (acl(5)), and no group; the directory is closed to others.

    Raises:
        TidegateError: EVENT_SIGNING: it cannot be read, is no plain file, too large, or open to others.
    """
    try:
        # Not blocking: a FIFO in the file's place must not hold the reader up.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise TidegateError(Code.EVENT_SIGNING, f"{path} cannot be read: {error.strerror}") from error
    try:
        _check(os.fstat(descriptor), path, credentials)
        content = os.read(descriptor, SECRET_BYTES + 1)
    except OSError as error:
        raise TidegateError(Code.EVENT_SIGNING, f"{path} cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if len(content) > SECRET_BYTES:
        raise TidegateError(Code.EVENT_SIGNING, f"{path} has more than {SECRET_BYTES} bytes: it is no secret")
    return content


def _check(found: os.stat_result, path: Path, credentials: Path | None) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise TidegateError(Code.EVENT_SIGNING, f"{path} is no plain file")
    if found.st_uid not in {os.geteuid(), 0}:
        reason = f"{path} belongs to user {found.st_uid}, not to the agent's: chown it, or act as that user"
        raise TidegateError(Code.EVENT_SIGNING, reason)
    masked = credentials is not None and path.is_relative_to(credentials)
    forbidden = stat.S_IRWXO | stat.S_IWGRP if masked else _OTHERS
    if found.st_mode & forbidden:
        mode = stat.S_IMODE(found.st_mode)
        reason = f"others than its owner can use {path} (mode {mode:04o}): chmod 600 {path}"
        raise TidegateError(Code.EVENT_SIGNING, reason)
