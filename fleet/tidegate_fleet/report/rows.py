"""Hosts as rows of a table: the few that are shown, of the many that are counted. PURE."""

from __future__ import annotations

from heapq import heappush, heappushpop
from typing import TYPE_CHECKING, Final

from tidegate_fleet.report.claims import bounded, end_of, known_wait, own_account
from tidegate_fleet.report.figures import FailedHost, FailureFigures, OpenFigures, OpenHost, SlowHost
from tidegate_schemas.codes import REGISTRY

if TYPE_CHECKING:
    from tidegate_fleet.history import Passage
    from tidegate_fleet.report.disclosure import Disclosure
    from tidegate_schemas.codes import Code

SHOWN: Final = 12
"""Rows of a table of hosts. The others are counted, and stand in the JSON document."""

_NO_CODE: Final = "The hosts told no code: see `tidegate fleet` for what their status says."


class Top:
    """The `most` entries with the highest keys, and how many there were."""

    def __init__(self, most: int = SHOWN) -> None:
        self.number = 0
        self._most = most
        self._heap: list[tuple[float, int, Passage]] = []

    def take(self, key: float, passage: Passage) -> None:
        """Consider one more. Of equals the first counts."""
        self.number += 1
        entry = (key, -self.number, passage)
        if len(self._heap) < self._most:
            heappush(self._heap, entry)
        elif entry > self._heap[0]:
            heappushpop(self._heap, entry)

    def highest(self) -> list[tuple[float, Passage]]:
        """The entries, highest first."""
        return [(key, passage) for key, _, passage in sorted(self._heap, reverse=True)]


def failure(code: Code | None, top: Top, disclosure: Disclosure) -> FailureFigures:
    """The hosts that failed with one code; `top` has them by when they did."""
    hosts = [passage for _, passage in top.highest()]
    return FailureFigures(
        code=code,
        hosts=top.number,
        newest=end_of(hosts[0]),
        reason=disclosure.words(hosts[0].standing.reason),
        remedy=_NO_CODE if code is None else REGISTRY[code].remedy,
        shown=tuple(_failed_host(passage, disclosure) for passage in hosts),
    )


def _failed_host(passage: Passage, disclosure: Disclosure) -> FailedHost:
    reason = disclosure.words(passage.standing.reason)
    return FailedHost(disclosure.host(passage.host), passage.wave, end_of(passage), reason)


def slow_host(seconds: float, passage: Passage, disclosure: Disclosure) -> SlowHost:
    """A host that took so many seconds from when it could begin."""
    waited_for = bounded(passage.waited_for, (end_of(passage) - passage.began).total_seconds())
    return SlowHost(
        host=disclosure.host(passage.host),
        wave=passage.wave,
        phase=passage.standing.phase,
        seconds=seconds,
        parts=own_account(passage, waited_for.get("wave", 0.0)),
        waited_for=waited_for,
    )


def open_hosts(top: Top, disclosure: Disclosure) -> OpenFigures:
    """Hosts that are not through; `top` has them by how long they were silent."""
    return OpenFigures(top.number, tuple(_open_host(key, one, disclosure) for key, one in top.highest()))


def _open_host(silent: float, passage: Passage, disclosure: Disclosure) -> OpenHost:
    standing = passage.standing
    waiting_for = known_wait(standing.waiting_for) if standing.waiting_for else ""
    return OpenHost(disclosure.host(passage.host), passage.wave, standing.step, waiting_for, silent)
