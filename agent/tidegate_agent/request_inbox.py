"""Where requests wait: in memory, and on disk until they are decided.

A statement is retained and can be asked for again; a request comes once. So it is on disk before the broker
is told that it came (the bus acknowledges when `put` has returned), and a power cut between the two or right
after does not lose it. A flood costs no more than ALLOWED writes an hour: what is above that waits in memory
alone, as do messages that are too large to be genuine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.allowance import Allowance
from tidegate_agent.errors import JournalError
from tidegate_agent.mailbox import Mailbox, name_of
from tidegate_schemas import limits

if TYPE_CHECKING:
    from tidegate_agent.surroundings import Surroundings

ALLOWED: Final = 64
"""Distinct messages an hour that are written to disk on arrival."""


class RequestInbox:
    """`put` is called on the bus's thread, all else on the engine's."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._mailbox = Mailbox()
        self._allowance = Allowance(ALLOWED)
        self._on_disk: set[str] = set()
        self._missed = 0

    def recall(self) -> None:
        """Take up what was not decided when the agent ended."""
        for message in self._around.journal.kept():
            self._on_disk.add(name_of(message))
            self._mailbox.put(message)

    def put(self, message: bytes) -> bool:
        """Take a message in; True when the box was empty before, so that its owner has to be told."""
        name = name_of(message)
        if self._mailbox.knows(name):
            return False
        # On disk first: else it might be decided before it is written, and then stay there for ever.
        self._write(name, message)
        return self._mailbox.put(message)

    def take(self) -> tuple[str, bytes] | None:
        """The oldest message and its name. What a flood pushed out of memory is read from disk after it."""
        letter = self._mailbox.take()
        if letter is None and self._mailbox.dropped > self._missed:
            self._missed = self._mailbox.dropped
            for message in self._around.journal.kept():
                self._mailbox.put(message)
            letter = self._mailbox.take()
        return letter

    def put_back(self, name: str, message: bytes) -> None:
        """Have a message that was taken heard once more; on disk it still is where it was."""
        self._mailbox.forget(name)
        self._mailbox.put(message)

    def on_disk(self, name: str) -> bool:
        """Whether a message was written, and has to be removed when it is decided."""
        return name in self._on_disk

    def decided(self, name: str) -> None:
        """A message is decided, and off the disk."""
        self._on_disk.discard(name)

    def _write(self, name: str, message: bytes) -> None:
        if len(message) > limits.STATEMENT_BYTES or not self._allowance.take(self._around.clock.now()):
            return
        try:
            if self._around.journal.keep(name, message):
                self._on_disk.add(name)
        except JournalError as error:
            logger.error("[{}] a request waits in memory only: {}", error.code, error.reason)
