"""What a page is told about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tidegate_fleet.progress import SILENT_AFTER


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Site:
    """How a page shows itself, and how much it gives away.

    Attributes:
        title: what the fleet is called.
        names: the host names under which people or a proxy reach it.
        silent_after: how long a host that activates may say nothing before it counts as silent.
        pace_s: seconds between two looks for news while somebody watches.
        heartbeat_s: seconds between two signs of life where nothing happens.
        most_viewers: live views at once.
        most_exports: passages streamed at once; each holds a connection of the store.
        now: the present moment.
    """

    title: str = "tidegate"
    names: frozenset[str] = frozenset()
    silent_after: timedelta = SILENT_AFTER
    pace_s: float = 1.0
    heartbeat_s: float = 15.0
    most_viewers: int = 200
    most_exports: int = 4
    now: Callable[[], datetime] = _now
