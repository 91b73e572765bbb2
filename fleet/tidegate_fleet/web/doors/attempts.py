"""How often somebody may try to log in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

_ADDRESSES: Final = 4096


@dataclass
class Attempts:
    """Failed attempts by address: a bucket that leaks.

    Attributes:
        clock: seconds that only grow.
        most: failures in a row that are answered.
        pace_s: seconds after which one of them is forgotten.
    """

    clock: Callable[[], float]
    most: int = 10
    pace_s: float = 6.0
    _failed: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def wait_s(self, peer: str) -> float:
        """Seconds until the address may try again; 0 when it may now."""
        with self._lock:
            over = self._level(peer) - (self.most - 1)
        return max(0.0, over * self.pace_s)

    def failed(self, peer: str) -> None:
        """Count a failure. Beyond a cap the address that failed longest ago is forgotten."""
        with self._lock:
            self._failed[peer] = self._level(peer) + 1, self.clock()
            self._failed.move_to_end(peer)
            if len(self._failed) > _ADDRESSES:
                self._failed.popitem(last=False)

    def _level(self, peer: str) -> float:
        level, at = self._failed.get(peer, (0.0, 0.0))
        return max(0.0, level - (self.clock() - at) / self.pace_s)
