"""Working ahead: an iterator that runs in a thread of its own, a few items before whoever reads it.

Decompressing and hashing leave Python's lock, so a second core can do them while files are written.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from queue import Full, Queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ITEMS = 8
_ASK_SECONDS = 0.2


class _End:
    """What the thread says last: how it ended."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


@contextmanager
def work_ahead(items: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """Read `items` in a thread, at most eight ahead. The thread has ended when the block is left.

    What the iterator raises is raised where its next item would have been.
    """
    queue: Queue[bytes | _End] = Queue(_ITEMS)
    stopped = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, queue, stopped), name="unpack", daemon=True)
    thread.start()
    try:
        yield _drain(queue)
    finally:
        stopped.set()
        thread.join()


def _fill(items: Iterator[bytes], queue: Queue[bytes | _End], stopped: threading.Event) -> None:
    try:
        for item in items:
            if not _put(queue, item, stopped):
                return
    except BaseException as error:  # noqa: BLE001 - it is raised again in the reader's thread
        _put(queue, _End(error), stopped)
    else:
        _put(queue, _End(None), stopped)


def _put(queue: Queue[bytes | _End], item: bytes | _End, stopped: threading.Event) -> bool:
    """Wait for room; False when nobody reads any more."""
    while not stopped.is_set():
        try:
            queue.put(item, timeout=_ASK_SECONDS)
        except Full:
            continue
        return True
    return False


def _drain(queue: Queue[bytes | _End]) -> Iterator[bytes]:
    while not isinstance(item := queue.get(), _End):
        yield item
    if item.error is not None:
        raise item.error
