"""Messages for tests: each call gives a valid one, changed where the test wants it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tidegate_schemas.events import TYPE_PREFIX, Step, UpdateData, UpdateEvent
from tidegate_schemas.rollout import Rollout
from tidegate_schemas.statement import ChannelPredicate, ChannelStatement, Image, Subject
from tidegate_schemas.status import FollowStatus, HostStatus, Presence

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def digest_of(letter: str) -> str:
    """A digest that is easy to tell from others: one hex letter, 64 times."""
    return "sha256:" + letter * 64


def a_statement(
    digest: str = digest_of("a"), *, issued_at: datetime = NOON, **changes: Any
) -> ChannelStatement:
    """A channel statement for `os/stable`; keyword arguments replace fields of the predicate."""
    fields: dict[str, Any] = {
        "product": "os",
        "channel": "stable",
        "sequence": 1,
        "issued_at": issued_at,
        "expires": issued_at + timedelta(days=14),
        "image": Image(references=("registry.example/os",)),
        "version": "1.0",
        "rollout": Rollout(seed="seed"),
    }
    predicate = ChannelPredicate(**{**fields, **changes})
    subject = Subject(name="registry.example/os", digest={"sha256": digest.removeprefix("sha256:")})
    return ChannelStatement(subject=(subject,), predicate=predicate)


def an_event(step: Step = Step.SUCCEEDED) -> UpdateEvent:
    """An event of host `edge-1`."""
    data = UpdateData(product="os", channel="stable", step=step, sequence=1, digest=digest_of("a"), attempt=1)
    return UpdateEvent(
        id=f"edge-1/os/stable/1/1/{step}",
        source="/tidegate/hosts/edge-1",
        type=TYPE_PREFIX + step,
        subject="edge-1",
        time=NOON,
        data=data,
    )


def a_status(host: str = "edge-1", **changes: Any) -> HostStatus:
    """The status of a host that succeeded on `os/stable`; keyword arguments replace fields of its follow."""
    fields: dict[str, Any] = {
        "product": "os",
        "channel": "stable",
        "engine": "embedded",
        "state": "succeeded",
        "sequence": 1,
        "current": digest_of("a"),
        "target": digest_of("a"),
    }
    follow = FollowStatus(**{**fields, **changes})
    return HostStatus(host=host, presence=Presence.ONLINE, start=1, connection=1, at=NOON, follows=(follow,))
