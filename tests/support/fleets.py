"""Hosts' words for tests of those who watch a fleet: made to measure, one function a word."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.support.statements import NOON, digest_of
from tidegate_fleet.words import HostEvent
from tidegate_schemas.events import TYPE_PREFIX, Step, UpdateData, UpdateEvent
from tidegate_schemas.status import FollowStatus, HostStatus, Inventory, Presence


def at(seconds: float) -> datetime:
    """A moment after noon."""
    return NOON + timedelta(seconds=seconds)


def said(host: str, step: Step, seconds: float = 0, *, verified: bool = False, **data: Any) -> HostEvent:
    """An event of a host, `seconds` after noon; keyword arguments replace fields of its data."""
    fields: dict[str, Any] = {
        "product": "os",
        "channel": "stable",
        "step": step,
        "sequence": 1,
        "digest": digest_of("a"),
        "attempt": 1,
        "version": "1.0",
    }
    content = UpdateData(**{**fields, **data})
    name = f"{host}/os/stable/{content.sequence}/{content.attempt}/{step}-{seconds}"
    event = UpdateEvent(
        id=name,
        source=f"/tidegate/hosts/{host}",
        type=TYPE_PREFIX + step,
        subject=host,
        time=at(seconds),
        data=content,
    )
    return HostEvent(event, None, verified)


def describes(host: str, seconds: float = 0, connection: int = 1, **follow: Any) -> HostStatus:
    """An online host on `os/stable` that runs digest 0 and rests; keyword arguments change its follow.

    `labels`, `arch` and `presence` are taken for the status.
    """
    labels, arch = follow.pop("labels", {}), follow.pop("arch", "x86_64")
    presence = follow.pop("presence", Presence.ONLINE)
    fields: dict[str, Any] = {
        "product": "os",
        "channel": "stable",
        "engine": "embedded",
        "state": "idle",
        "current": digest_of("0"),
        "version": "0.9",
    }
    return HostStatus(
        host=host,
        presence=presence,
        start=1,
        connection=connection,
        at=at(seconds),
        labels=labels,
        inventory=Inventory(arch=arch, kernel="6.1", os="Debian", agent="1.0"),
        follows=(FollowStatus(**{**fields, **follow}),),
    )
