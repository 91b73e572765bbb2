"""One blob onto the disk: resumed where it stopped, verified, durable, or not there at all.

And a small one into memory.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.digest import hex_of
from tidegate_wire.registry.source import Cancelled
from tidegate_wire.registry.verify import BlobVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tidegate_wire.registry.descriptor import Descriptor
    from tidegate_wire.registry.source import ImageSource

# A mismatch is tried once more from the first byte: the part on the disk may have rotted, or a mirror may be
# wrong where another is right. After that it is the registry's fault.
_TRIES = 2
_REREAD = 1024 * 1024
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def fetch_blob(
    source: ImageSource,
    blob: Descriptor,
    folder: Path,
    progress: Callable[[int], None],
    cancel: Callable[[], bool],
) -> Path:
    """Bring a blob into `folder` as a file that is named by the hexadecimal part of its digest.

    The file has that name only after size and digest were right and it was made durable; until then it is
    `<hex>.partial`, which a later call takes up again. A file that is already there is not fetched again.

    Args:
        source: where the blob lies.
        blob: what it must be.
        folder: an existing folder that only the agent writes to.
        progress: called with the number of new bytes, in [1, 1 MiB], each time some were written.
        cancel: asked before each chunk; the partial file stays when it says yes.

    Returns:
        The path of the finished file.

    Raises:
        Cancelled: `cancel` said yes.
        TidegateError: IMAGE_DIGEST_MISMATCH and DISK_FULL (the partial file is gone then), DISK_IO, and
            whatever the source raises (the partial file stays).
    """
    target = folder / hex_of(blob.digest)
    partial = folder / f"{target.name}.partial"
    if _is_complete(target, blob):
        return target
    for tries_left in reversed(range(_TRIES)):
        try:
            _fetch(source, blob, partial, progress, cancel)
            break
        except TidegateError as error:
            if error.code is not Code.IMAGE_DIGEST_MISMATCH:
                raise
            partial.unlink(missing_ok=True)
            if not tries_left:
                raise
    _settle(partial, target, blob)
    return target


def read_blob(source: ImageSource, blob: Descriptor, max_bytes: int) -> bytes:
    """A small blob's content, verified.

    Args:
        source: where the blob lies.
        blob: what it must be.
        max_bytes: how large it may be.

    Raises:
        TidegateError: IMAGE_TOO_LARGE, before anything is fetched; IMAGE_DIGEST_MISMATCH; and whatever the
            source raises.
    """
    if blob.size > max_bytes:
        raise TidegateError(
            Code.IMAGE_TOO_LARGE, f"the blob {blob.digest} has {blob.size} bytes; the limit is {max_bytes}"
        )
    for tries_left in reversed(range(_TRIES)):
        try:
            return _read_once(source, blob)
        except TidegateError as error:
            if error.code is not Code.IMAGE_DIGEST_MISMATCH or not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


def _read_once(source: ImageSource, blob: Descriptor) -> bytes:
    verifier, content = BlobVerifier(blob), bytearray()
    with source.open_blob(blob) as chunks:
        for chunk in chunks:
            verifier.update(chunk)
            content += chunk
    # After the source was left in peace: it counts the blob as delivered, and asks another mirror next time.
    verifier.finish()
    return bytes(content)


def _fetch(
    source: ImageSource,
    blob: Descriptor,
    partial: Path,
    progress: Callable[[int], None],
    cancel: Callable[[], bool],
) -> None:
    verifier = BlobVerifier(blob)
    with _disk(partial, blob):
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(partial, flags, 0o600)
    try:
        with _disk(partial, blob):
            _reread(handle, verifier, cancel)
        if verifier.seen < blob.size:
            with source.open_blob(blob, verifier.seen) as chunks:
                for chunk in _until(chunks, cancel):
                    verifier.update(chunk)
                    with _disk(partial, blob):
                        _write(handle, chunk)
                    progress(len(chunk))
        verifier.finish()
        with _disk(partial, blob):
            os.fsync(handle)
    finally:
        os.close(handle)


def _reread(handle: int, verifier: BlobVerifier, cancel: Callable[[], bool]) -> None:
    """Hash what an earlier call left, and leave the position at its end. Too much of it is a mismatch."""
    for chunk in _until(iter(lambda: os.read(handle, _REREAD), b""), cancel):
        verifier.update(chunk)


def _until(chunks: Iterator[bytes], cancel: Callable[[], bool]) -> Iterator[bytes]:
    for chunk in chunks:
        if cancel():
            raise Cancelled
        yield chunk


def _write(handle: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _settle(partial: Path, target: Path, blob: Descriptor) -> None:
    """Give a verified and flushed file its name, durably."""
    with _disk(partial, blob):
        partial.rename(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _is_complete(target: Path, blob: Descriptor) -> bool:
    """Whether an earlier call finished: its name says that it was verified, its size guards against rot."""
    try:
        return target.stat(follow_symlinks=False).st_size == blob.size
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _disk(partial: Path, blob: Descriptor) -> Iterator[None]:
    """Turn the operating system's errors into ours; a full disk gets its space back."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            partial.unlink(missing_ok=True)
            raise TidegateError(
                Code.DISK_FULL,
                f"{partial.parent} has no room for the {blob.size} bytes of blob {blob.digest}",
            ) from error
        raise TidegateError(Code.DISK_IO, f"cannot write {partial}: {error.strerror}") from error
