"""The events that were seen while somebody watched, few of each host. PURE.

A host that floods pushes out nobody's events but its own.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

from tidegate_fleet.watch.picture import EventLine
from tidegate_fleet.watch.plain import plain

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_fleet.hosts import Channel
    from tidegate_schemas.events import UpdateEvent

EACH: Final = 12
"""Events kept of each host: an update has about ten."""

MOST: Final = 1_000_000
"""Events kept in all."""

_NEWEST: Final = 100


class Memory:
    """Keeps the newest events of each host, and which hosts spoke last."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._kept: dict[str, deque[EventLine]] = {}
        self._last: OrderedDict[str, EventLine] = OrderedDict()
        self._number = 0

    def take(self, event: UpdateEvent, now: datetime) -> None:
        """Keep an event of this channel, or one about its host as a whole."""
        said = event.data
        if said.channel is not None and (said.product, said.channel) != self._channel:
            return
        line = EventLine(
            host=event.subject,
            heard=now,
            at=event.time,
            step=said.step,
            sequence=said.sequence,
            percent=said.percent,
            code=said.code,
            reason=plain(said.reason),
        )
        self._keep(line)
        self._last[line.host] = line
        self._last.move_to_end(line.host)
        if len(self._last) > _NEWEST:
            self._last.popitem(last=False)

    @property
    def kept(self) -> int:
        """How many events are kept."""
        return self._number

    def newest(self) -> tuple[EventLine, ...]:
        """The newest event of each host that spoke lately, the newest first."""
        return tuple(reversed(self._last.values()))

    def events_of(self, host: str) -> tuple[EventLine, ...]:
        """A host's newest events, the newest first."""
        return tuple(reversed(self._kept.get(host, ())))

    def _keep(self, line: EventLine) -> None:
        kept = self._kept.get(line.host)
        if kept is None:
            if self._number >= MOST:
                return
            kept = self._kept[line.host] = deque()
        if len(kept) >= EACH or self._number >= MOST:
            kept.popleft()
            self._number -= 1
        kept.append(line)
        self._number += 1
