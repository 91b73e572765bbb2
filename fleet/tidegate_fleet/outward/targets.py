"""What a courier needs of a target, and how one can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_fleet.history import EventRecord


class AwayError(Exception):
    """The target took nothing this time; it may later.

    Attributes:
        reason: why, for a person.
        pause_s: how long it asks to be left alone, in seconds; None when it does not say.
    """

    def __init__(self, reason: str, pause_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pause_s = pause_s


class UnwantedError(Exception):
    """The target will never take exactly this; the next may be welcome.

    Attributes:
        reason: why, for a person.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Target(Protocol):
    """Where events are brought."""

    @property
    def name(self) -> str:
        """One word, for logs, metrics and the cursor's file."""
        ...

    @property
    def most(self) -> int:
        """How many events it takes at once."""
        ...

    def deliver(self, records: Sequence[EventRecord]) -> None:
        """Bring events, in their order; returns when the target has them all.

        What was brought before may come again: each event has an id that stays.

        Raises:
            AwayError: try again later.
            UnwantedError: it will never take these.
        """
        ...
