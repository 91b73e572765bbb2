"""What a follower is given: the ports and facts that all followers of a host share, and its own engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tidegate_agent.admission import Policy
from tidegate_agent.downloads import Downloads
from tidegate_agent.machine.rules import Rules
from tidegate_agent.manners import Manners
from tidegate_agent.model import Follow
from tidegate_agent.operations import Operations
from tidegate_agent.ports import Board, Clock, Host, Journal, RebootLock, Timer, Verifier
from tidegate_agent.reporting import Profile
from tidegate_agent.requests import RequestPolicy
from tidegate_agent.time_of_day import TimeOfDay


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all followers of a host share.

    `post` queues a call for the engine's thread; the three workers (verifying, operating, asking) run slow
    calls elsewhere, each in order; `splay` delays an alarm a little, so that a fleet does not act as one;
    `requests` is None where the host takes none. `lock` is the fleet's, where there is one; it is for
    activations that reboot the host or, with `lock_for_all`, for all of them. `board` tells those who log in.
    `downloads` is what fetching images costs.
    """

    clock: Clock
    journal: Journal
    verifier: Verifier
    timer: Timer
    host: Host
    profile: Profile
    policy: Policy
    manners: Manners
    rules: Rules
    post: Callable[[Callable[[], None]], None]
    verifying: Callable[[Callable[[], None]], object]
    operating: Callable[[Callable[[], None]], object]
    asking: Callable[[Callable[[], None]], object]
    splay: Callable[[], timedelta]
    requests: RequestPolicy | None = None
    lock: RebootLock | None = None
    lock_for_all: bool = False
    board: Board | None = None
    downloads: Downloads = field(default_factory=Downloads)
    time: TimeOfDay = field(init=False)

    def __post_init__(self) -> None:
        """Make what they share by themselves."""
        time = TimeOfDay(self.clock, self._floors, self.manners.clock_wait)
        object.__setattr__(self, "time", time)

    def latest_known(self) -> datetime:
        """The later of the system's clock and the clock floors: it is no earlier than that."""
        return self.time.latest_known()

    def _floors(self) -> tuple[datetime | None, ...]:
        return self.journal.clock_floor(), self.policy.clock_floor


@dataclass(frozen=True, slots=True)
class Followed:
    """A follow with the name and the operations of its image engine."""

    follow: Follow
    engine: str
    operations: Operations
