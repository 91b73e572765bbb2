"""Who is told of what a collector does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_fleet.history import EventRecord
    from tidegate_fleet.refusal import Refusal
    from tidegate_schemas.codes import Code


class Tap(Protocol):
    """Is told of what is in the store. Returns at once: the collector waits for nobody."""

    def committed(self, events: Sequence[EventRecord], statuses: int) -> None:
        """These events are new, and so many statuses told something new."""
        ...


class Meter(Protocol):
    """Counts what the collector does."""

    def stored(self, seconds: float) -> None:
        """The store took a batch in so many seconds."""
        ...

    def failed(self, code: Code) -> None:
        """The store did not take a batch; it is tried again."""
        ...

    def announced(self, count: int) -> None:
        """So many new statements were collected."""
        ...

    def repeated(self, count: int) -> None:
        """So many words were here before."""
        ...

    def refused(self, reason: Refusal, count: int = 1) -> None:
        """So many words were not taken in."""
        ...

    def waiting(self, count: int) -> None:
        """So many words wait for the store now."""
        ...

    def connected(self, *, up: bool) -> None:
        """Whether the broker is there now."""
        ...


class NoMeter:
    """Counts nothing."""

    def stored(self, seconds: float) -> None:
        """See Meter.stored."""

    def failed(self, code: Code) -> None:
        """See Meter.failed."""

    def announced(self, count: int) -> None:
        """See Meter.announced."""

    def repeated(self, count: int) -> None:
        """See Meter.repeated."""

    def refused(self, reason: Refusal, count: int = 1) -> None:
        """See Meter.refused."""

    def waiting(self, count: int) -> None:
        """See Meter.waiting."""

    def connected(self, *, up: bool) -> None:
        """See Meter.connected."""
