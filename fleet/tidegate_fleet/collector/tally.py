"""Counts what a collector did, for its last words; and tells several meters at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidegate_fleet.collector.tap import Meter

if TYPE_CHECKING:
    from tidegate_fleet.history import EventRecord
    from tidegate_fleet.refusal import Refusal
    from tidegate_schemas.codes import Code


@dataclass(slots=True)
class Tally:
    """A Tap and a Meter.

    Attributes:
        others: are told of all that this one is.
        events: new events.
        statuses: statuses that told something new.
        statements: new statements.
        again: words that were here before.
        why: words that were not taken in, by reason.
    """

    others: Sequence[Meter] = ()
    events: int = 0
    statuses: int = 0
    statements: int = 0
    again: int = 0
    why: Counter[str] = field(default_factory=Counter)

    def committed(self, events: Sequence[EventRecord], statuses: int) -> None:
        """See Tap.committed."""
        self.events += len(events)
        self.statuses += statuses

    def stored(self, seconds: float) -> None:
        """See Meter.stored."""
        for one in self.others:
            one.stored(seconds)

    def failed(self, code: Code) -> None:
        """See Meter.failed."""
        for one in self.others:
            one.failed(code)

    def announced(self, count: int) -> None:
        """See Meter.announced."""
        self.statements += count
        for one in self.others:
            one.announced(count)

    def repeated(self, count: int) -> None:
        """See Meter.repeated."""
        self.again += count
        for one in self.others:
            one.repeated(count)

    def refused(self, reason: Refusal, count: int = 1) -> None:
        """See Meter.refused."""
        self.why[reason.value] += count
        for one in self.others:
            one.refused(reason, count)

    def waiting(self, count: int) -> None:
        """See Meter.waiting."""
        for one in self.others:
            one.waiting(count)

    def connected(self, *, up: bool) -> None:
        """See Meter.connected."""
        for one in self.others:
            one.connected(up=up)

    @property
    def document(self) -> dict[str, object]:
        """All numbers, for JSON."""
        return {
            "events": self.events,
            "statuses": self.statuses,
            "statements": self.statements,
            "repeated": self.again,
            "refused": dict(self.why),
        }
