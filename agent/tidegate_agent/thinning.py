"""Which events go when too many wait for a broker that is away for weeks, or takes nothing. PURE.

Progress goes first, the oldest of it: what was 25 % of a download last month helps nobody, and the status
tells where the host stands. Then what was told of messages that nobody could vouch for, which come as fast as
anybody likes; they are still counted. Much later the milestones of updates whose results are told anyway.
Results never go: each had a signed statement or request, or a person, behind it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from tidegate_schemas.events import FINAL, Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_schemas.events import UpdateData

ENOUGH: Final = 5000
"""Waiting events from which on progress and refusals go: some megabytes."""

FAR_TOO_MANY: Final = 10_000
"""Waiting events from which on milestones go, too."""

SPARED: Final = 16
"""Of the oldest ones, which may be on their way: what is dropped is never delivered as well."""

AT_ONCE: Final = 100
"""So many more are dropped than must be, lest each new event have all others looked at."""


class Rank(IntEnum):
    """How much an event is worth; the lower go first."""

    PROGRESS = 0
    REFUSAL = 1
    MILESTONE = 2
    RESULT = 3


class Gist(NamedTuple):
    """What is to be known of an event: its token and step, and which fields of its data there are.

    `step` may be one of a newer agent's. `names_message`: its details name a message in place of a nonce.
    """

    token: int
    step: str
    has_percent: bool
    has_sequence: bool
    names_message: bool

    @property
    def vouched(self) -> bool:
        """Whether a signature or a person stands behind it, and not anybody who can publish."""
        if self.step == Step.ANSWERED:
            return not self.names_message
        return self.step != Step.REJECTED or self.has_sequence


_MILESTONES: Final = frozenset(Step) - FINAL - {Step.STALE, Step.ANSWERED, Step.DAMAGED, Step.UNKNOWN}


def gist(token: int, data: UpdateData) -> Gist:
    """What is to be known of an event."""
    return Gist(
        token,
        data.step,
        has_percent=data.percent is not None,
        has_sequence=data.sequence is not None,
        names_message="message" in data.details,
    )


def rank(event: Gist) -> Rank:
    """How much an event is worth."""
    if not event.vouched:
        return Rank.REFUSAL
    if event.has_percent or event.step == Step.WAITING:
        return Rank.PROGRESS
    return Rank.MILESTONE if event.step in _MILESTONES else Rank.RESULT


def superfluous(waiting: Iterable[Gist], count: int) -> list[int]:
    """The tokens of those that go, given the `count` that wait, oldest first."""
    by_rank: dict[Rank, list[int]] = {each: [] for each in Rank}
    for place, event in enumerate(waiting):
        if place >= SPARED:
            by_rank[rank(event)].append(event.token)
    first = [*by_rank[Rank.PROGRESS], *by_rank[Rank.REFUSAL]][: _too_many(count, ENOUGH)]
    return first + by_rank[Rank.MILESTONE][: _too_many(count - len(first), FAR_TOO_MANY)]


def _too_many(count: int, most: int) -> int:
    return count - most + AT_ONCE if count > most else 0
