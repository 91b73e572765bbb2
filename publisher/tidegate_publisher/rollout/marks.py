"""Since when hosts are at their step, and since when they are gone. Pure.

It is measured in time in which the run listened: neither a clock that is set, nor a machine that was
suspended, nor a connection that was lost makes a host silent; and none makes one that is silent heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tidegate_publisher.rollout.seats import Bench, Seat


@dataclass(frozen=True, slots=True)
class _Mark:
    """Since when a host is at its step (which we heard of at `since`), and since when it is gone."""

    since: datetime | None = None
    under_way: timedelta | None = None
    gone: timedelta | None = None


_NO_MARK: Final = _Mark()


class Marks:
    """See the module's docstring."""

    def __init__(self) -> None:
        self._listened = timedelta(0)
        self._marks: dict[str, _Mark] = {}

    def listen(self, by: timedelta) -> None:
        """The run has listened for so much longer."""
        self._listened += by

    def set(self, host: str, seat: Seat, bench: Bench) -> None:
        """A host takes a seat: write down on its bench since when it is at its step, and gone."""
        mark = self._marks.pop(host, _NO_MARK)
        under_way = gone = None
        if seat.since is not None:
            under_way = mark.under_way if mark.since == seat.since else None
            under_way = bench.under_way[host] = self._listened if under_way is None else under_way
        if seat.gone:
            gone = bench.gone[host] = self._listened if mark.gone is None else mark.gone
        if seat.since is not None or seat.gone:
            self._marks[host] = _Mark(seat.since, under_way, gone)

    def longer(self, moments: dict[str, timedelta], after: timedelta) -> int:
        """How many of these are longer ago than `after`."""
        latest = self._listened - after
        return sum(moment < latest for moment in moments.values())
