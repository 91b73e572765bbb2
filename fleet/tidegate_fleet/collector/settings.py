"""What may be set of a collector."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from tidegate_fleet.guard import Allowance
from tidegate_fleet.hosts import MOST_HOSTS
from tidegate_schemas.topics import check_host


@dataclass(frozen=True, slots=True)
class CollectorSettings:
    """How a collector listens and stores.

    Attributes:
        name: names its session at the broker and its row in the store: of each collector its own, and the
            same after a restart.
        share: the group of collectors that share the events of the fleet; None: this one takes all.
        batch: messages stored at once, and acknowledged together.
        linger_s: how long a batch waits for more, in seconds.
        idle_s: end when nothing came for so long, in seconds; None: never.
        allowance: how much one host may say.
        most_hosts: hosts remembered.
        keep_events: for how long events are kept; None: for ever.
        forget_hosts: after how long a host that said nothing is forgotten; None: never.
    """

    name: str
    share: str | None = None
    batch: int = 1000
    linger_s: float = 0.05
    idle_s: float | None = None
    allowance: Allowance = field(default_factory=Allowance)
    most_hosts: int = MOST_HOSTS
    keep_events: timedelta | None = None
    forget_hosts: timedelta | None = None

    def __post_init__(self) -> None:
        # Both become parts of topics or client ids: the characters that are safe in one are in the other.
        check_host(self.name)
        if self.share is not None:
            check_host(self.share)
