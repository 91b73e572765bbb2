"""Which rows are asked for, and in which order. PURE."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from tidegate_fleet.listing.drift import Drift
from tidegate_fleet.standing import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_fleet.listing.rows import Row


class Sort(StrEnum):
    """The order of rows; among equals, by name."""

    DRIFT = "drift"
    HOST = "host"
    PHASE = "phase"
    VERSION = "version"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for. What is None, empty or False does not narrow; of several words one has to fit.

    Attributes:
        labels: all of these must match.
        product: hosts' rows in channels of this product.
        channel: hosts' rows in channels of this name.
        hosts: ids.
        online: True for hosts that are connected, False for those that are not.
        phases: hosts that are so far with the release.
        states: updates in one of these states.
        waits: updates that wait for one of these.
        codes: updates that failed with one of these codes.
        versions: hosts that run one of these.
        waves: hosts that belong to one of these waves.
        drifts: hosts that stand so to what the channel holds.
        drifting: only hosts that should run something else.
        troubled: only hosts with which something is wrong that is not about a release.
        sort: in which order.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    product: str | None = None
    channel: str | None = None
    hosts: frozenset[str] = frozenset()
    online: bool | None = None
    phases: frozenset[Phase] = frozenset()
    states: frozenset[str] = frozenset()
    waits: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    waves: frozenset[str] = frozenset()
    drifts: frozenset[Drift] = frozenset()
    drifting: bool = False
    troubled: bool = False
    sort: Sort = Sort.DRIFT

    def takes(self, row: Row) -> bool:
        """Whether a row is asked for."""
        return (
            self._is_here(row)
            and self._is_so_far(row)
            and self.online in {None, row.online}
            and not (self.drifting and (row.drift is None or not row.drift.drifts))
            and not (self.troubled and not row.troubled)
        )

    def _is_here(self, row: Row) -> bool:
        product, channel = row.channel or (None, None)
        return (
            self.product in {None, product}
            and self.channel in {None, channel}
            and (not self.hosts or row.host in self.hosts)
            and all(row.labels.get(key) == value for key, value in self.labels.items())
        )

    def _is_so_far(self, row: Row) -> bool:
        return all(
            not wanted or has in wanted
            for wanted, has in (
                (self.phases, row.phase),
                (self.states, row.state),
                (self.waits, row.waiting_for),
                (self.codes, row.code),
                (self.versions, row.version),
                (self.waves, None if row.wave is None else row.wave.name),
                (self.drifts, row.drift),
            )
        )

    def in_order(self, rows: Iterable[Row], most: int | None = None) -> list[Row]:
        """The rows in the order asked for, the first `most` of them."""
        key = _KEYS[self.sort]
        return sorted(rows, key=key) if most is None else heapq.nsmallest(most, rows, key=key)


_PHASES: Final = tuple(Phase)
_RANK: Final = {drift: rank for rank, drift in enumerate(Drift)}


def _name(row: Row) -> tuple[Any, ...]:
    return row.host, row.channel or ("", "")


_KEYS: Final[dict[Sort, Callable[[Row], Any]]] = {
    Sort.DRIFT: lambda row: (
        -1 if row.troubled and row.fault else _RANK[row.drift or Drift.UNKNOWN],
        not row.troubled,
        _name(row),
    ),
    Sort.HOST: _name,
    Sort.PHASE: lambda row: (-1 if row.phase is None else _PHASES.index(row.phase), _name(row)),
    Sort.VERSION: lambda row: (row.channel or ("", ""), row.version or "", row.current or "", _name(row)),
}
