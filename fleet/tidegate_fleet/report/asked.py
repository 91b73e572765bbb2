"""What a report asks of the history: a part of `history.History`, which see. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_fleet.history import Passage, ReleaseKey, ReleaseRecord, StatementRecord
    from tidegate_fleet.hosts import Channel


class ReleaseHistory(Protocol):
    """Releases, what was announced of them, and how hosts came through them."""

    def releases(self, limit: int = 50, channel: Channel | None = None) -> tuple[ReleaseRecord, ...]:
        """See History.releases."""
        ...

    def release(self, key: ReleaseKey) -> ReleaseRecord | None:
        """See History.release."""
        ...

    def statements(self, key: ReleaseKey) -> tuple[StatementRecord, ...]:
        """See History.statements."""
        ...

    def newest_statements(self) -> tuple[StatementRecord, ...]:
        """See History.newest_statements."""
        ...

    def passages(self, key: ReleaseKey) -> Iterator[Passage]:
        """See History.passages."""
        ...
