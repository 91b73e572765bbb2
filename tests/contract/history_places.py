"""The places where history is kept, each filled by the same `take`: in memory, in SQLite, in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tests.fakes.history import FakeHistory
from tidegate_fleet.history import History, StatementRecord
from tidegate_fleet.store.connect import Store, open_store
from tidegate_fleet.store.reader import StoredHistory
from tidegate_fleet.store.writer import Writer
from tidegate_schemas.statement import ChannelStatement

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_fleet.words import HostEvent
    from tidegate_schemas.status import HostStatus

Heard = "HostEvent | HostStatus | ChannelStatement | StatementRecord"


class Place(Protocol):
    """Somewhere that history is kept."""

    @property
    def history(self) -> History:
        """Answers."""
        ...

    def take(self, word: HostEvent | HostStatus | ChannelStatement | StatementRecord, now: datetime) -> None:
        """Takes a word in."""
        ...


@dataclass(frozen=True)
class Memory:
    """The fake."""

    history: FakeHistory

    def take(self, word: HostEvent | HostStatus | ChannelStatement | StatementRecord, now: datetime) -> None:
        self.history.take(word, now)


@dataclass(frozen=True)
class Stored:
    """A database."""

    store: Store

    @property
    def history(self) -> StoredHistory:
        return StoredHistory(self.store)

    def take(self, word: HostEvent | HostStatus | ChannelStatement | StatementRecord, now: datetime) -> None:
        writer = Writer(self.store, "one")
        if isinstance(word, ChannelStatement):
            word = StatementRecord(word, now, verified=False)
        writer.write([word], now)
        while writer.place():
            pass


def stored(url: str) -> Stored:
    """A database at a URL, made if need be."""
    return Stored(open_store(url))
