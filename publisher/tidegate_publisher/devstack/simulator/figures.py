"""What the processes of a simulated fleet count. Pure, but for the look at this process's own costs."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(slots=True)
class Figures:
    """Counters of one process, or the sum of several.

    Attributes:
        hosts: that are simulated.
        connected: of these, at this moment.
        connections: made in all.
        losses: of connections that were up.
        heard: messages delivered on the channel's topic.
        verified: distinct messages that were verified.
        created: events.
        acknowledged: of these, by the broker.
        unsent: events that are not acknowledged.
        statuses: published.
        rss_bytes: the largest resident set so far, summed up.
        cpu_s: processor time, in seconds.
    """

    hosts: int = 0
    connected: int = 0
    connections: int = 0
    losses: int = 0
    heard: int = 0
    verified: int = 0
    created: int = 0
    acknowledged: int = 0
    unsent: int = 0
    statuses: int = 0
    rss_bytes: int = 0
    cpu_s: float = 0.0

    def measure(self) -> None:
        """Note what this process has cost."""
        self.rss_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
        self.cpu_s = round(time.process_time(), 2)

    def document(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)


def total(parts: Iterable[Figures]) -> Figures:
    """The sum."""
    whole = Figures()
    for part in parts:
        for each in fields(Figures):
            setattr(whole, each.name, getattr(whole, each.name) + getattr(part, each.name))
    return whole
