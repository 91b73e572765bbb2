"""Following events: which count, and when enough has been seen. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from tidegate_schemas.events import Step, UpdateEvent

_REMEMBERED: Final = 100_000
"""Event ids kept, to know a redelivery by. A cap, because a hostile host can send ids for ever."""

BAD: Final = frozenset({Step.FAILED, Step.REJECTED, Step.ROLLED_BACK})


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are of interest; None is all."""

    product: str | None = None
    channel: str | None = None
    hosts: frozenset[str] = frozenset()

    def takes(self, event: UpdateEvent) -> bool:
        """Whether an event is of interest."""
        return (
            self.product in {None, event.data.product}
            and self.channel in {None, event.data.channel}
            and (not self.hosts or event.subject in self.hosts)
        )


@dataclass(slots=True)
class Follower:
    """Counts hosts that came to an end.

    Attributes:
        selection: which events are of interest.
        until: the step to wait for; None waits for ever.
        wanted: how many hosts must reach it.
        reached: the hosts that did.
        ended_badly: the hosts whose update failed, was rejected or was rolled back.
    """

    selection: Selection
    until: Step | None = None
    wanted: int = 1
    reached: set[str] = field(default_factory=set)
    ended_badly: set[str] = field(default_factory=set)
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def take(self, event: UpdateEvent) -> bool:
        """Count an event. False when it is none of ours, or was delivered before."""
        if not self.selection.takes(event) or event.id in self._seen:
            return False
        self._seen[event.id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if event.data.step is self.until:
            self.reached.add(event.subject)
        if event.data.step in BAD:
            self.ended_badly.add(event.subject)
        return True

    @property
    def done(self) -> bool:
        """Whether enough hosts reached the step."""
        return self.until is not None and len(self.reached) >= self.wanted

    @property
    def failed(self) -> bool:
        """Whether a host came to a bad end while a good one is waited for."""
        return self.until is not None and self.until not in BAD and bool(self.ended_badly)
