"""A thread that runs slow calls one after the other, and holds up no end of the process.

An executor's threads are awaited when the interpreter ends, however long a hook or a tool may take; then the
service manager kills what does not end. What is cut off here goes on at the next start: the journal knows.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Worker:
    """Begins at once, and waits for calls until it is stopped.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, call: Callable[[], object]) -> None:
        """Have a call run after those before it. Thread-safe; nothing is begun any more after `stop`."""
        self._calls.put(call)

    def stop(self) -> None:
        """Begin no other call. Returns at once; idempotent."""
        self._stopped.set()
        self._calls.put(lambda: None)

    def join(self, within_s: float) -> bool:
        """Wait for the call under way, this many seconds at most; whether it has ended."""
        self._thread.join(max(0.0, within_s))
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopped.is_set():
            call = self._calls.get()
            if self._stopped.is_set():
                return
            try:
                call()
            except Exception as error:  # noqa: BLE001 - one call's fault must not end the thread for all
                if not self._stopped.is_set():
                    logger.opt(exception=error).error("[{}] unexpected: {}", Code.INTERNAL_ERROR, error)


def end_all(workers: Iterable[Worker], within_s: float) -> bool:
    """Stop several, and wait this many seconds at most in all for what is under way; whether all ended."""
    stopping = tuple(workers)
    for worker in stopping:
        worker.stop()
    deadline = time.monotonic() + within_s
    ended = [worker.join(deadline - time.monotonic()) for worker in stopping]
    return all(ended)
