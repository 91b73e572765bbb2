"""How much of one host is heard: who talks without end costs itself, and nobody else. PURE.

A bucket of tokens for each host: an event takes one, and time brings them back. Progress is heard while there
are any; results, of which an update has one, go on for as many again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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
    """

    burst: int = 1500
    each_s: float = 1.0
    results: int = 500


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class HostGuard:
    """Says which events are heard.

    Args:
        allowance: of each host.
    """

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def admits(self, event: UpdateEvent, now_s: float) -> bool:
        """Whether an event is heard.

        Args:
            event: what came.
            now_s: seconds by a clock that never goes back.
        """
        allowance, bucket = self._allowance, self._bucket(event.subject, now_s)
        gained = (now_s - bucket.at_s) / allowance.each_s
        bucket.tokens, bucket.at_s = min(bucket.tokens + gained, allowance.burst), now_s
        least = -allowance.results if event.data.step.final else 0
        if bucket.tokens < least + 1:
            return False
        bucket.tokens -= 1
        return True

    def _bucket(self, name: str, now_s: float) -> _Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(self._allowance.burst, now_s)
            if len(self._buckets) > _BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        return bucket
