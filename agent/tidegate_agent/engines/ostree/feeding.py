"""A pipe that a thread fills while a program reads it."""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PIPE_BYTES = 1024 * 1024  # as much as any user may have (pipe(7), pipe-max-size)
_WRITE_BYTES = 256 * 1024


@contextmanager
def feeding(write: Callable[[IO[bytes]], None]) -> Iterator[IO[bytes]]:
    """The reading end of a pipe into which `write` writes, in a thread of its own.

    When the block is left nobody reads any more, so the thread ends. What it raised is raised then, in place
    of what the block may have raised, since a program whose input breaks off only complains of that. A block
    that left the pipe before its end by raising is no fault of the thread.

    Raises:
        BrokenPipeError: the block was content, and yet did not read to the end.
    """
    reading, writing = os.pipe()
    # Larger than the usual 64 KiB: on a busy host each change of sides waits for its turn.
    with suppress(OSError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    failures: list[BaseException] = []

    def fill() -> None:
        try:
            with os.fdopen(writing, "wb", _WRITE_BYTES) as pipe:
                write(pipe)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the reader's thread
            failures.append(error)

    thread = threading.Thread(target=fill, name="feed", daemon=True)
    thread.start()
    try:
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            yield pipe
    except BaseException:
        thread.join()
        if failures and not isinstance(failures[0], BrokenPipeError):
            raise failures[0] from None
        raise
    thread.join()
    if failures:
        raise failures[0]
