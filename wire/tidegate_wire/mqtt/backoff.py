"""Pauses between connection attempts: exponential with full jitter, lest a fleet return as a herd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_S: Final = 1.0
CAP_S: Final = 300.0
STABLE_S: Final = 300.0


class Backoff:
    """Says how long to pause before the next attempt.

    The pause after `n` failures in a row is uniform in [0, min(cap, first * 2**n)) ("full jitter": Brooker,
    "Exponential Backoff And Jitter", 2015). Only a connection that held for `stable_s` starts the row anew:
    a broker that accepts and drops at once would otherwise be hammered at the first pause for ever.

    Args:
        random: uniform in [0, 1).
        first_s: the upper end of the first pause, in seconds.
        cap_s: the upper end of every later pause, in seconds.
        stable_s: how long a connection must hold to count as stable, in seconds.
    """

    def __init__(
        self,
        random: Callable[[], float],
        first_s: float = FIRST_S,
        cap_s: float = CAP_S,
        stable_s: float = STABLE_S,
    ) -> None:
        self._random = random
        self._first_s = first_s
        self._cap_s = cap_s
        self._stable_s = stable_s
        self._ceiling_s = first_s

    def failed(self, connected_s: float = 0.0) -> float:
        """The pause in seconds after an attempt, which had been connected for `connected_s` seconds."""
        if connected_s >= self._stable_s:
            self._ceiling_s = self._first_s
        pause = self._random() * min(self._ceiling_s, self._cap_s)
        # Growing the capped value keeps it finite through years of failures.
        self._ceiling_s = min(self._ceiling_s * 2, self._cap_s)
        return pause

    def displaced(self) -> float:
        """The pause in seconds after another client took this one's session over: at least half the cap.

        Two clients with one id would otherwise evict each other as fast as they can connect.
        """
        self._ceiling_s = self._cap_s
        return self._cap_s * (0.5 + 0.5 * self._random())
