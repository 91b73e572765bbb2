"""How long podman and the service manager may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Times:
    """Bounds, in seconds.

    Attributes:
        stall: staging may go without a byte.
        pull: one pull, unpacking included.
        start: the unit may take to come up.
        settle: the unit has to stay up before it counts as started.
    """

    stall: float = 300.0
    pull: float = 2 * 3600.0
    start: float = 120.0
    settle: float = 3.0
