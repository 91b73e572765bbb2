"""How fast bytes may come, over all transfers of a process together.

A token bucket whose tokens are owed, not saved: whoever reads a piece may read the next one once the time is
over that the piece should have taken, counted from when it was asked for. So no stretch of time brings more
than its share and two pieces for each transfer, an idle hour saves nothing up, a network that is slower than
the rate is not slowed down, and transfers side by side have equal shares.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE_S: Final = 0.25
"""Seconds that the largest piece takes at the rate in force."""

_KERNELS_OWN: Final = 8 * 2**20
_LEAST_AHEAD: Final = 16 * 2**10


class Throttle:
    """One for all that shares a line; for any thread.

    Args:
        rate: bytes per second that may come now, above 0; None for as many as can. Asked for each piece.
        fastest: the highest rate that it will say, where that is not always the same.
    """

    def __init__(self, rate: Callable[[], float | None], fastest: float | None = None) -> None:
        self._rate = rate
        self._fastest = fastest
        self._lock = threading.Lock()
        self._paid_at = 0.0

    def piece(self, most: int) -> int:
        """How many bytes to read at once: at least 1, at most `most`."""
        rate = self._rate()
        return most if rate is None else max(1, min(most, int(rate * PIECE_S)))

    @property
    def ahead(self) -> int | None:
        """Bytes that a connection may bring before they are asked for: what comes in half a second.

        The kernel takes in up to some MiB for a reader that is slow, and at once. None where that is less
        than what the rate in force allows anyway.
        """
        rate = self._rate() if self._fastest is None else self._fastest
        return None if rate is None or rate >= _KERNELS_OWN else max(_LEAST_AHEAD, int(rate / 2))

    def owed(self, now: float) -> float:
        """Seconds until the next piece may be read; `now` is in monotonic seconds, the same for all calls."""
        with self._lock:
            return max(0.0, self._paid_at - now)

    def came(self, size: int, asked: float) -> None:
        """Put so many bytes on the account, which were asked for at that moment."""
        rate = self._rate()
        if rate is None:
            return
        with self._lock:
            self._paid_at = max(self._paid_at, asked) + size / rate
