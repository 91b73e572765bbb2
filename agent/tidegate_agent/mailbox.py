"""The letter box of one channel topic: bounded, and blind to what it has seen.

The network thread puts messages in, the engine thread takes them out. However many come, memory stays flat;
a message that was refused or is in hand is not taken in again until it is forgotten.

What the broker has stored for the topic has a place of its own, in front of the others: whoever floods a
topic cannot push it out, and it is the one message that counts (docs/adr/0017).
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Final

CAPACITY: Final = 16
"""Messages that wait for verification. A channel has one statement; more is a flood, and the oldest go.

Each may take a process of its own and half a second: so few that a flood is soon worked off.
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
        self._stored: tuple[str, bytes] | None = None
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._standing: str | None = None
        self._dropped = 0
        self._runs_over = False
        self._reopened = 0

    def put(self, payload: bytes, *, retained: bool = False) -> bool:
        """Take a message in. True when its owner has to be told: it was empty before, or runs over now.

        `retained` is whether it is what the broker has stored for the topic. The newest of these is taken out
        next, and no flood pushes it out; it is what stands there now, so that an older one need not be heard.
        """
        name = name_of(payload)
        with self._lock:
            was_empty = self.empty
            if name in self._seen:
                self._seen.move_to_end(name)
                if retained and name in self._waiting:
                    self._store(name, self._waiting.pop(name))
                return False
            self._remember(name)
            if retained:
                self._store(name, payload)
                return was_empty
            return self._queue(name, payload) or was_empty

    def take(self) -> tuple[str, bytes] | None:
        """What is retained, else the oldest message, with its name (SHA-256, hex); None when it is empty."""
        with self._lock:
            self._runs_over = False
            if self._stored is not None:
                stored, self._stored = self._stored, None
                return stored
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
            if self._stored is not None:
                self._seen[self._stored[0]] = None

    def stand(self, name: str) -> None:
        """The channel stands at this message: it is recognised until another one takes its place.

        Else it would be verified again whenever a flood has pushed it out of memory and it is asked for.
        """
        with self._lock:
            self._standing = name

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._stored is None and not self._waiting

    @property
    def dropped(self) -> int:
        """How many messages were dropped unread, in a flood."""
        return self._dropped

    @property
    def reopened(self) -> int:
        """How many messages were left open by a refusal."""
        return self._reopened

    def _store(self, name: str, payload: bytes) -> None:
        if self._stored is not None:
            self._seen.pop(self._stored[0], None)
        self._stored = name, payload

    def _queue(self, name: str, payload: bytes) -> bool:
        """Whether this is the first that pushes another out, since one was taken out."""
        self._waiting[name] = payload
        if len(self._waiting) <= CAPACITY:
            return False
        dropped, _ = self._waiting.popitem(last=False)
        # It may have been genuine: the broker's next delivery gets a new hearing.
        self._seen.pop(dropped, None)
        self._dropped += 1
        ran_over, self._runs_over = self._runs_over, True
        return not ran_over

    def _remember(self, name: str) -> None:
        self._seen[name] = None
        if self._standing is not None and self._standing in self._seen:
            self._seen.move_to_end(self._standing)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
