"""What was heard and has not been looked at yet: the way from the listening thread to the one that shows.

It is bounded. While it is full the listener waits, so that a burst stays in the network and at the broker
instead of in memory; whoever shows takes as much as it has time for.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from tidegate_fleet.announced import Announced
from tidegate_fleet.words import HostEvent, RefusedEvent
from tidegate_schemas.codes import TidegateError
from tidegate_schemas.status import HostStatus

MOST: Final = 20_000
"""Words that may wait. At 2 KiB each that is 40 MiB."""


@dataclass(frozen=True, slots=True)
class ConnectionSeen:
    """The connection came to stand, or was lost.

    Attributes:
        fault: why it was lost; None: it stands.
        final: whether it is not tried again.
    """

    fault: TidegateError | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class StatusSeen:
    """A status, and whether the broker had it in store: those come first, all at once."""

    status: HostStatus
    retained: bool


@dataclass(frozen=True, slots=True)
class Flooding:
    """A host says more than anybody can have to say; the rest of it is not looked at."""

    host: str


Heard = Announced | ConnectionSeen | StatusSeen | HostEvent | RefusedEvent | Flooding
"""What a listener leaves."""


class Inbox:
    """Takes words from one thread and gives them to another, in their order."""

    def __init__(self, most: int = MOST) -> None:
        self._items: deque[Heard] = deque()
        self._most = most
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Heard) -> None:
        """Leave a word. Waits while there are too many; returns at once when the inbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._most)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()

    def take(self, most: int = 500) -> list[Heard]:
        """Up to `most` of the words that wait, the oldest first."""
        with self._changed:
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            if taken:
                self._changed.notify_all()
            return taken

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is a word, for `timeout_s` seconds at most; whether there is one."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._items) or self._closed, timeout_s)

    def close(self) -> None:
        """Nobody looks any more: what comes is dropped, and nobody waits."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._items)
