"""One host's events, put together to what it went through. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from tidegate_fleet.history import EventRecord

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Visit:
    """One attempt at one release, or events of a host that are about none.

    Attributes:
        events: newest first.
    """

    events: tuple[EventRecord, ...]

    @property
    def newest(self) -> EventRecord:
        """The one that says how it stands."""
        return self.events[0]

    @property
    def version(self) -> str | None:
        """The release's version, if any of them told it."""
        return next((one.event.data.version for one in self.events if one.event.data.version), None)

    @property
    def durations(self) -> dict[str, float]:
        """Seconds in each step, as the end told; `total` last."""
        told = next((one.event.data.durations for one in self.events if one.event.data.durations), {})
        steps = {step: seconds for step, seconds in told.items() if step != "total"}
        return {**steps, "total": told["total"]} if "total" in told else steps


def visits(records: Sequence[EventRecord]) -> tuple[Visit, ...]:
    """Events that follow each other about one attempt, together; in the order that they come in."""
    return tuple(Visit(tuple(group)) for _, group in groupby(records, key=_about))


def _about(record: EventRecord) -> tuple[object, ...]:
    said = record.event.data
    return said.product, said.channel, said.digest, said.attempt
