"""Pauses that end when nobody waits for what comes after them."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOK_S: Final = 0.25
"""Seconds between two questions whether anybody still waits."""


def _never() -> bool:
    return False


class Pauses:
    """Waits on behalf of one piece of work at a time, such as a staging.

    Args:
        sleep: waits a number of seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._cancelled: Callable[[], bool] = _never

    @contextlib.contextmanager
    def unless(self, cancelled: Callable[[], bool]) -> Iterator[None]:
        """Ask this before and within each pause of the block."""
        before, self._cancelled = self._cancelled, cancelled
        try:
            yield
        finally:
            self._cancelled = before

    def sleep(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            Cancelled: nobody waits any more.
        """
        until = self._clock() + seconds
        while True:
            if self._cancelled():
                raise Cancelled
            left = until - self._clock()
            if left <= 0:
                return
            self._sleep(min(left, LOOK_S))
