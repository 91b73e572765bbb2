"""Ctrl-C and SIGTERM as one thing, and a time limit for what is done after them. For the main thread only."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_AGAIN_S: Final = 1.0


class TooLongError(BaseException):
    """The time is up. No `Exception`: whoever outlasts those shall not outlast this."""


@contextlib.contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """What takes longer is ended by TooLongError, also in the middle of waiting for a network."""

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise TooLongError

    before = signal.signal(signal.SIGALRM, end)
    # Again and again: a library may take the first one for a fault of its own and clear up at length.
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
