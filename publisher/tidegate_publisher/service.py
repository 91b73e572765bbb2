"""What commands share that run until they are told to end: a log on stderr, and signals."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

from loguru import logger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_FORMAT: Final = "{time:YYYY-MM-DDTHH:mm:ss.SSSZZ} {level:<7} {message}"


def log_to_stderr(*, quiet: bool) -> None:
    """Log there, and nowhere else."""
    logger.remove()
    # No tracebacks: they go to whoever sets TIDEGATE_DEBUG, and messages may hold what hosts said.
    logger.add(
        sys.stderr, level="WARNING" if quiet else "INFO", format=_FORMAT, backtrace=False, diagnose=False
    )


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Gives what SIGTERM or SIGINT sets: time to end in order."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
