"""What is told of a follow, out of its journal and its engine's truth: while the agent runs, and at rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_agent.admission import Memory
from tidegate_agent.model import ImageStatus
from tidegate_agent.reporting import FollowView
from tidegate_agent.update.states import State

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.model import Follow
    from tidegate_agent.ports import Journal


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a follow stands: the part that a running agent knows better than its journal."""

    state: State
    memory: Memory
    image: ImageStatus
    refused: int = 0


def view_of(follow: Follow, engine: str, standing: Standing, journal: Journal, now: datetime) -> FollowView:
    """All that is known of a follow; `engine` is the name of its image engine."""
    current, expires = standing.image.current, standing.memory.expires
    running = None if current is None else journal.target(follow, current)
    return FollowView(
        follow=follow,
        engine=engine,
        state=standing.state,
        memory=standing.memory,
        image=standing.image,
        version=None if running is None else running.version,
        quarantined=journal.quarantined(follow),
        refused=standing.refused,
        stale=expires is not None and expires <= now,
        hold=journal.hold(follow),
    )
