"""The journal of a world: in memory, on a disk that can be full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.journal import FakeJournal
from tidegate_agent.errors import JournalError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.records import Change


class Book(FakeJournal):
    """Takes no write for as long as `broken`, and none of the next `failing` ones."""

    failing = 0

    def commit(self, change: Change) -> None:
        self._try()
        super().commit(change)

    def sent(self, token: int) -> None:
        self._try()
        super().sent(token)

    def keep(self, name: str, message: bytes) -> bool:
        self._try()
        return super().keep(name, message)

    def _try(self) -> None:
        self.failing -= 1
        if self.failing >= 0 or self.broken:
            raise JournalError(Code.DISK_FULL, "no space is left for the journal")
