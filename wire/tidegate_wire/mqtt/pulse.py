"""Whether the broker still lives, over a connection that nobody has closed.

A peer that vanishes says nothing: no FIN, no RST. After a keepalive without a word paho sends a ping, and
would wait as long again for its answer; here half of that is enough.
"""

from __future__ import annotations

import time
from typing import Final

# MQTT lets a client be late by half a keepalive (3.1.2.10): waking four times in one is punctual enough.
_WAKES_PER_KEEPALIVE: Final = 4
# The broker is given for its answer what it gives a client: a peer that vanished is noticed after 1.5.
_ANSWER_IN_KEEPALIVES: Final = 0.5
# With a short keepalive: two round trips by satellite, and the second transmission of what was lost. A whole
# keepalive after its ping paho closes the connection by itself, and says less.
_ANSWER_S: Final = 10.0
_BEFORE_PAHO: Final = 0.9
_LEAST_REST_S: Final = 0.01


class Pulse:
    """Signs of life of one broker."""

    def __init__(self) -> None:
        self._heard_at = time.monotonic()
        self._pinged_at: float | None = None
        self._received = 0

    def received(self, count: int) -> None:
        """So many bytes have come in all."""
        if count != self._received:
            self._received, self._heard_at, self._pinged_at = count, time.monotonic(), None

    def pinged(self) -> None:
        """The broker was asked for a sign of life."""
        self._pinged_at = time.monotonic()

    def silent_s(self, keepalive_s: float) -> float | None:
        """How long nothing has come, if an answer is overdue; None while it is not."""
        now = time.monotonic()
        if self._pinged_at is None or now - self._pinged_at < _patience_s(keepalive_s):
            return None
        return now - self._heard_at

    def rest_s(self, keepalive_s: float) -> float:
        """How long nothing has to be done: until a ping is due, or its answer overdue."""
        due = self._heard_at + keepalive_s
        if self._pinged_at is not None:
            due = self._pinged_at + _patience_s(keepalive_s)
        return max(_LEAST_REST_S, min(due - time.monotonic(), keepalive_s / _WAKES_PER_KEEPALIVE))


def _patience_s(keepalive_s: float) -> float:
    return max(keepalive_s * _ANSWER_IN_KEEPALIVES, min(keepalive_s * _BEFORE_PAHO, _ANSWER_S))
