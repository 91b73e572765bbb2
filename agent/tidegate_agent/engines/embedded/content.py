"""Reading a file's content back while somebody else may write to it."""

from __future__ import annotations

import hashlib
import os

_READ_BYTES = 1024 * 1024


def content_digest(name: str | bytes, folder: int, size: int) -> bytes | None:
    """The sha256 of a file that should have `size` bytes, or None when it has more.

    Not a byte more than one beyond `size` is read: a file can be made to grow faster than it is read. And the
    name may have become another thing's since it was looked at: no link is followed, no fifo waited for.

    Raises:
        OSError: when it cannot be opened or read.
    """
    digest, left = hashlib.sha256(), size
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while chunk := file.read(min(_READ_BYTES, left + 1)):
            left -= len(chunk)
            if left < 0:
                return None
            digest.update(chunk)
    return digest.digest()
