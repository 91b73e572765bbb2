"""What a person has to know about what they see: kept until it is no longer so. PURE."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tidegate_fleet.phrases import clock, count
from tidegate_fleet.watch.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tidegate_fleet.words import RefusedEvent
    from tidegate_schemas.codes import TidegateError
    from tidegate_schemas.statement import ChannelStatement


class Notices:
    """Notices of one channel.

    Attributes:
        refusal: why what the channel holds was not taken up; empty while it was.
    """

    def __init__(self) -> None:
        self.refusal = ""
        self._lost: tuple[TidegateError, datetime] | None = None
        self._switched = ""
        self._refused_events: tuple[int, str] = (0, "")
        self._floods: deque[str] = deque(maxlen=3)

    def connection(self, fault: TidegateError | None, now: datetime) -> None:
        """The connection stands, or was lost; the first time counts."""
        self._lost = None if fault is None else self._lost or (fault, now)

    def switch(self, old: ChannelStatement, new: ChannelStatement, now: datetime) -> None:
        """Another image took the place of the one before."""
        self._switched = (
            f"another release since {clock(now, now)}: {plain(new.predicate.version, 60)} "
            f"in place of {plain(old.predicate.version, 60)}"
        )

    def unbelieved(self, fault: TidegateError) -> None:
        """What the channel holds does not verify, or cannot be read."""
        self.refusal = f"what the channel holds now is NOT BELIEVED: {plain(fault.reason)} [{fault.code}]"

    def older(self, old: ChannelStatement, new: ChannelStatement) -> None:
        """The broker hands out an older statement than the one that is known."""
        self.refusal = (
            f"the broker hands out #{new.predicate.sequence}, which is older than #"
            f"{old.predicate.sequence}: it was not taken up"
        )

    def refused(self, event: RefusedEvent) -> None:
        """An event that its host did not sign."""
        self._refused_events = self._refused_events[0] + 1, f"{plain(event.host)}: {plain(event.reason)}"

    def flood(self, host: str) -> None:
        """A host says more than is read of it."""
        if host not in self._floods:
            self._floods.append(host)

    def told(self, now: datetime, beyond: int) -> Iterator[str]:
        """All of them, the most important first.

        Args:
            now: the present moment.
            beyond: words of hosts beyond the most that are kept.
        """
        if self._lost is not None:
            fault, since = self._lost
            yield (
                f"NO CONNECTION since {clock(since, now)}, trying again; the picture is of then: "
                f"{plain(fault.reason)} [{fault.code}]"
            )
        yield from filter(None, (self.refusal, self._switched))
        if self._floods:
            yield f"more words than are read of a host came from {', '.join(map(plain, self._floods))}"
        number, newest = self._refused_events
        if number:
            yield f"{count(number)} events do not count, last of {newest}"
        if beyond:
            yield f"{count(beyond)} words of hosts beyond the most that are kept"
