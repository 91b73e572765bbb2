"""The letter box of one channel topic: bounded, and blind to what it has seen.

The network thread puts messages in, the engine thread takes them out. However many come, memory stays flat;
a message that was refused or is in hand is not taken in again until it is forgotten.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Final

CAPACITY: Final = 16
"""Messages that wait for verification. A channel has one statement; more is a flood, and the oldest go.

Each takes a process and half a second or more: so few that a flood is soon worked off.
"""

REMEMBERED: Final = 512
"""Messages that are recognised when they come again."""


def name_of(payload: bytes) -> str:
    """A message's name: its SHA-256 in hex."""
    return hashlib.sha256(payload).hexdigest()


class Mailbox:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, bytes] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._dropped = 0
        self._reopened = 0

    def put(self, payload: bytes) -> bool:
        """Take a message in. True when the box was empty before, so that its owner has to be told."""
        name = name_of(payload)
        with self._lock:
            if name in self._seen:
                self._seen.move_to_end(name)
                return False
            self._remember(name)
            was_empty = not self._waiting
            self._waiting[name] = payload
            if len(self._waiting) > CAPACITY:
                dropped, _ = self._waiting.popitem(last=False)
                # It may have been genuine: the broker's next delivery gets a new hearing.
                self._seen.pop(dropped, None)
                self._dropped += 1
            return was_empty

    def take(self) -> tuple[str, bytes] | None:
        """The oldest message and its name (SHA-256, hex); None when the box is empty."""
        with self._lock:
            return self._waiting.popitem(last=False) if self._waiting else None

    def knows(self, name: str) -> bool:
        """Whether a message would not be taken in, because it is in hand or was heard before."""
        with self._lock:
            return name in self._seen

    def forget(self, name: str) -> None:
        """Hear this message again when it comes again."""
        with self._lock:
            self._seen.pop(name, None)

    def reopen(self, name: str) -> None:
        """Hear this message again when it comes again: it was refused for a reason that may pass."""
        with self._lock:
            self._seen.pop(name, None)
            self._reopened += 1

    def forget_all(self) -> None:
        """Hear every message again that comes again; those that wait need not come again."""
        with self._lock:
            self._seen = OrderedDict.fromkeys(self._waiting)

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    @property
    def dropped(self) -> int:
        """How many messages were dropped unread, in a flood."""
        return self._dropped

    @property
    def reopened(self) -> int:
        """How many messages were left open by a refusal."""
        return self._reopened

    def _remember(self, name: str) -> None:
        self._seen[name] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
