"""What hosts say, for tests of those who watch: events and statuses of any host, at any time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.support.statements import NOON, digest_of
from tidegate_fleet.words import HostEvent
from tidegate_schemas.events import Step, UpdateData, UpdateEvent
from tidegate_schemas.status import FollowStatus, HostStatus, Inventory, Presence

if TYPE_CHECKING:
    from collections.abc import Mapping

CHANNEL = ("os", "stable")
A, B = digest_of("a"), digest_of("b")


def after_noon(seconds: float) -> datetime:
    """So many seconds after NOON."""
    return NOON + timedelta(seconds=seconds)


def told(step: Step, at: datetime = NOON, host: str = "edge-1", resets: int = 0, **changes: Any) -> HostEvent:
    """An event of a host about `os/stable`; keyword arguments replace fields of its data."""
    fields: dict[str, Any] = {
        "product": "os",
        "channel": "stable",
        "step": step,
        "sequence": 1,
        "digest": A,
        "attempt": 1,
        "version": "1.0",
        **changes,
    }
    data = UpdateData(**fields)
    number = f"{data.sequence}~{resets}" if resets else f"{data.sequence}"
    what = f"-{data.waiting_for}-{at.timestamp()}" if data.waiting_for else ""
    place = f"{data.product}/{data.channel}/{number}/{data.attempt}/{step}{what}"
    return HostEvent(UpdateEvent.told(host, place, data, at))


def a_follow(**changes: Any) -> FollowStatus:
    """What a host says of `os/stable`, which it follows and has heard nothing of."""
    return FollowStatus(
        **{"product": "os", "channel": "stable", "engine": "fake", "state": "idle", **changes}
    )


def says(
    *follows: FollowStatus,
    host: str = "edge-1",
    at: datetime = NOON,
    born: tuple[int, int] = (1, 1),
    labels: Mapping[str, str] | None = None,
    arch: str = "amd64",
    **changes: Any,
) -> HostStatus:
    """A status of a host that is connected."""
    fields: dict[str, Any] = {
        "host": host,
        "presence": Presence.ONLINE,
        "start": born[0],
        "connection": born[1],
        "at": at,
        "labels": dict(labels or {}),
        "inventory": Inventory(arch=arch, kernel="6.1", os="Debian", agent="test"),
        "follows": follows,
        **changes,
    }
    return HostStatus(**fields)


def will(host: str = "edge-1", at: datetime = NOON, born: tuple[int, int] = (1, 1)) -> HostStatus:
    """A last will, which describes nothing."""
    return HostStatus(host=host, presence=Presence.OFFLINE, start=born[0], connection=born[1], at=at)
