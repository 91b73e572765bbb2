"""How much of one host is heard: who talks without end costs itself, and nobody else. PURE.

A bucket of tokens for each host: an event takes one, and time brings them back. Progress is heard while there
are any; results, of which an update has one, go on for as many again. Statuses have a bucket of their own.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_schemas.events import UpdateEvent

_BUCKETS: Final = 200_000
"""Hosts whose buckets are remembered; the one that was quiet for longest begins anew with a full one."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a host may say.

    Attributes:
        burst: events that it may send at once: more than wait in a host's outbox after a long outage.
        each_s: seconds that bring one more.
        results: results that it may send beyond that.
        statuses: statuses with news that it may send at once; the same time brings one more of these.
    """

    burst: int = 1500
    each_s: float = 1.0
    results: int = 500
    statuses: int = 300


@dataclass(slots=True)
class _Bucket:
    tokens: float
    statuses: float
    at_s: float


@dataclass(slots=True)
class Round:
    """The words of one attempt to store some. See HostGuard.round.

    Attributes:
        now_s: seconds by a clock that never goes back.
    """

    now_s: float
    _guard: HostGuard
    _taken: list[tuple[_Bucket, float, float]] = field(default_factory=list)

    def admits(self, event: UpdateEvent) -> bool:
        """Whether an event is heard; then it is counted."""
        if not self._guard.admits(event, self.now_s):
            return False
        self._taken.append((self._guard.bucket(event.subject, self.now_s), 1, 0))
        return True

    def admits_status(self, host: str) -> bool:
        """Whether a status is heard."""
        return self._guard.bucket(host, self.now_s).statuses >= 1

    def took_status(self, host: str) -> None:
        """A status told something new: it is counted."""
        bucket = self._guard.bucket(host, self.now_s)
        bucket.statuses -= 1
        self._taken.append((bucket, 0, 1))

    def give_back(self) -> None:
        """It came to nothing."""
        for bucket, tokens, statuses in self._taken:
            bucket.tokens += tokens
            bucket.statuses += statuses
        self._taken.clear()


class HostGuard:
    """Says which events are heard.

    Args:
        allowance: of each host.
    """

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    @contextlib.contextmanager
    def round(self, now_s: float) -> Iterator[Round]:
        """What is heard in the block counts when it ends well: words that were not stored come again.

        Args:
            now_s: seconds by a clock that never goes back.
        """
        one = Round(now_s, self)
        try:
            yield one
        except BaseException:
            one.give_back()
            raise

    def admits(self, event: UpdateEvent, now_s: float) -> bool:
        """Whether an event is heard; then it is counted.

        Args:
            event: what came.
            now_s: seconds by a clock that never goes back.
        """
        bucket = self.bucket(event.subject, now_s)
        least = -self._allowance.results if event.data.step.final else 0
        if bucket.tokens < least + 1:
            return False
        bucket.tokens -= 1
        return True

    def bucket(self, name: str, now_s: float) -> _Bucket:
        """What is left to a host, as of now."""
        allowance, bucket = self._allowance, self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(allowance.burst, allowance.statuses, now_s)
            if len(self._buckets) > _BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        gained, bucket.at_s = (now_s - bucket.at_s) / allowance.each_s, now_s
        bucket.tokens = min(bucket.tokens + gained, allowance.burst)
        bucket.statuses = min(bucket.statuses + gained, allowance.statuses)
        return bucket
