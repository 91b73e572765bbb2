"""What a run is made of, and whose words count for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tidegate_fleet.words import EventCheck
from tidegate_publisher.rollout.ports import Desk, Ear, LongClock, Teller
from tidegate_schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run is made of.

    Attributes:
        ear: hears.
        desk: reads and changes the channel.
        clock: the time.
        teller: is told.
        random: uniform in [0, 1), for pauses.
    """

    ear: Ear
    desk: Desk
    clock: LongClock
    teller: Teller
    random: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose words count: see `hearing.Hearing`."""

    topics: Topics
    check: EventCheck | None = None
    allowed: frozenset[str] | None = None
