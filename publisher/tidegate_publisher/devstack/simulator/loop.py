"""Timers and sockets of one process, on one thread.

A timer that is not wanted any more is left where it is and does nothing when its time comes: ten thousand
hosts set and drop a few each second.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import time
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_S: Final = 0.5


class Watched(Protocol):
    """What has a socket on the loop."""

    def readable(self) -> None:
        """There is something to read."""
        ...

    def writable(self) -> None:
        """What waited to be written may be written."""
        ...


class Timer:
    """A call at a moment, until it is cancelled."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Do not call any more."""
        self.call = None


class Loop:
    """See the module. `monotonic` is in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._selector = selectors.DefaultSelector()
        self._to_write: dict[Watched, None] = {}

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Have something called when so many seconds have passed."""
        timer = Timer(call)
        heapq.heappush(self._timers, (self.monotonic() + seconds, next(self._numbers), timer))
        return timer

    def watch(self, descriptor: int, watched: Watched) -> None:
        """Tell somebody when there is something to read."""
        self._selector.register(descriptor, selectors.EVENT_READ, watched)

    def unwatch(self, descriptor: int, watched: Watched) -> None:
        """No more of that. The descriptor is still open."""
        self._to_write.pop(watched, None)
        self._selector.unregister(descriptor)

    def write_soon(self, watched: Watched) -> None:
        """Have it write before the next pause: many small packets become few system calls."""
        self._to_write[watched] = None

    def write_when_possible(self, descriptor: int, watched: Watched, *, waits: bool) -> None:
        """Whether it waits for room in the socket's buffer."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if waits else 0)
        self._selector.modify(descriptor, events, watched)

    def turn(self) -> None:
        """Write what is to be written, wait for what comes or falls due, and deal with it."""
        self._flush()
        for key, events in self._selector.select(self._pause()):
            watched: Watched = key.data
            if events & selectors.EVENT_WRITE:
                watched.writable()
            if events & selectors.EVENT_READ:
                watched.readable()
        self._ring()

    def close(self) -> None:
        """Let go of the selector."""
        self._selector.close()

    def _flush(self) -> None:
        while self._to_write:
            watched, _ = self._to_write.popitem()
            watched.writable()

    def _pause(self) -> float:
        if not self._timers:
            return _LONGEST_S
        return min(max(0.0, self._timers[0][0] - self.monotonic()), _LONGEST_S)

    def _ring(self) -> None:
        now = self.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, timer = heapq.heappop(self._timers)
            if timer.call is not None:
                call, timer.call = timer.call, None
                call()
