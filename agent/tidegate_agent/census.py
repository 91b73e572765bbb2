"""The agent in numbers at one moment. Taken on the engine's thread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tidegate_agent.errors import JournalError
from tidegate_agent.machine import update_of
from tidegate_schemas.codes import Code
from tidegate_schemas.status import Presence, TrustStatus

if TYPE_CHECKING:
    from tidegate_agent.engine import Engine
    from tidegate_agent.follower import Follower
    from tidegate_agent.ports import Clock, Journal
    from tidegate_schemas.status import FollowStatus


@dataclass(frozen=True, slots=True)
class FollowCensus:
    """One follow. Sequences are 0 where there is none.

    Attributes:
        product: of the channel.
        channel: its name.
        engine: the image engine's name.
        state: where the update stands, as `FollowStatus.state`.
        waiting_for: what it waits for, while it waits.
        accepted: the sequence of the newest statement that was accepted.
        target: that of the update in progress, or of the last one.
        installed: that which brought the running image.
        expires: when the newest statement ends.
        stale: whether it has.
        held: whether somebody holds the follow back.
        quarantined: how many images do not come back.
        refused: how many messages were refused since the agent's start.
    """

    product: str
    channel: str
    engine: str
    state: str
    waiting_for: str | None
    accepted: int
    target: int
    installed: int
    expires: datetime | None
    stale: bool
    held: bool
    quarantined: int
    refused: int


@dataclass(frozen=True, slots=True)
class Census:
    """The whole agent. Without its journal there are neither follows nor numbers of events.

    Attributes:
        at: when it was taken, by the host's clock.
        start: which start of the agent on this host it is.
        connected: whether the broker is there.
        synchronised: whether something keeps the clock in step with the world's.
        follows: one for each.
        waiting: events that the broker does not have yet.
        dropped: events that were given up, since the journal began.
        fault: why the disk takes nothing, while it does not.
        trust: the trusted root, where there is one.
    """

    at: datetime
    start: int
    connected: bool
    synchronised: bool
    follows: tuple[FollowCensus, ...] = ()
    waiting: int = 0
    dropped: int = 0
    fault: Code | None = None
    trust: TrustStatus | None = None


def take_census(engine: Engine, journal: Journal, clock: Clock) -> Census:
    """Count what there is, now. A journal that cannot be read is part of the answer."""
    try:
        status, waiting = engine.status(), journal.waiting()
        told = zip(engine.followers, status.follows, strict=True)
        follows = tuple(_follow(follower, its, journal) for follower, its in told)
        fault = None if status.fault is None else status.fault.code
    except JournalError as error:
        status, waiting, follows, fault = engine.status(full=False), 0, (), error.code
    return Census(
        at=status.at,
        start=status.start,
        connected=status.presence is Presence.ONLINE,
        synchronised=clock.synchronised(),
        follows=follows,
        waiting=waiting,
        dropped=status.events_dropped,
        fault=fault,
        trust=status.trust,
    )


def _follow(follower: Follower, told: FollowStatus, journal: Journal) -> FollowCensus:
    update = update_of(follower.state)
    return FollowCensus(
        product=told.product,
        channel=told.channel,
        engine=told.engine,
        state=told.state,
        waiting_for=told.waiting_for,
        accepted=told.sequence or 0,
        target=0 if update is None else update.target.sequence,
        installed=journal.recall(follower.follow).installed_sequence,
        expires=follower.memory.expires,
        stale=told.stale_since is not None,
        held=told.hold is not None,
        quarantined=len(told.quarantined),
        refused=told.refused,
    )
