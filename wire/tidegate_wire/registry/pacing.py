"""Patience: how long to wait before trying again, and the clocks that it is measured with."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tidegate_wire.registry.settings import Limits
from tidegate_wire.registry.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Mapping


def _uncounted(_: int) -> None:
    """Content that nobody counts."""


class TransientError(Exception):
    """Something that may pass: no answer, a broken transfer, a server that is busy.

    It never leaves this package: it is tried again, or becomes IMAGE_UNREACHABLE.

    Attributes:
        reason: what happened, for a person.
        retry_after: seconds that the server asked us to wait, if it did.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Pacing:
    """Limits, and the outside that they are measured by.

    Attributes:
        limits: the bounds.
        sleep: waits a number of seconds. It may raise `source.Cancelled` to end the waiting.
        random: a number in [0, 1).
        clock: monotonic seconds.
        throttle: how fast contents may come; None for as fast as they can.
        count: told the length of all content that came, as it comes; for any thread.
    """

    limits: Limits = field(default_factory=Limits)
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic
    throttle: Throttle | None = None
    count: Callable[[int], object] = _uncounted

    def pause(self, failures: int, retry_after: float | None = None) -> None:
        """Wait before the next try: random up to an exponential bound, not less than the server asked for.

        Args:
            failures: how many tries failed so far, from 1 on.
            retry_after: seconds that the server asked for; counted up to the cap.
        """
        limits = self.limits
        bound = min(limits.backoff_cap, limits.backoff_base * 2 ** min(failures, 30))
        self.sleep(max(self.random() * bound, min(retry_after or 0.0, limits.backoff_cap)))

    def take_turn(self) -> float:
        """Wait until content may be read, if it may not come as fast as it can; the clock's time then."""
        now = self.clock()
        if self.throttle is not None and (owed := self.throttle.owed(now)):
            self.sleep(owed)
            now = self.clock()
        return now

    @property
    def ahead(self) -> int | None:
        """How much a connection may bring before it is read, in bytes; None where that does not matter."""
        return None if self.throttle is None else self.throttle.ahead

    def piece(self, most: int) -> int:
        """How much content to read at once, in bytes."""
        return most if self.throttle is None else self.throttle.piece(most)

    def came(self, size: int, asked: float) -> None:
        """Account for content that was read; `asked` is what the clock showed when it was asked for."""
        self.count(size)
        if self.throttle is not None:
            self.throttle.came(size, asked)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, section 10.2.3); None when there is none.

    A date is taken relative to the same answer's Date header, so that our own clock does not matter.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        later, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("Date", ""))
        return max(0.0, (later - now).total_seconds())
    except (TypeError, ValueError):
        return None
