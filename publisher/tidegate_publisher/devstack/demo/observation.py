"""What the demo hears from the broker, with the time of hearing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tidegate_schemas import limits
from tidegate_schemas.events import UpdateEvent, decode
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from tidegate_schemas.topics import Topics
    from tidegate_wire.mqtt.messages import Message


@dataclass(frozen=True, slots=True)
class EventHeard:
    """A host told a step. `at` is in seconds since the demo began."""

    at: float
    event: UpdateEvent


@dataclass(frozen=True, slots=True)
class StatusHeard:
    """A host told its status."""

    at: float
    status: HostStatus


@dataclass(frozen=True, slots=True)
class StatementHeard:
    """Somebody wrote to the channel. Anything may be in it."""

    at: float
    payload: bytes


Observation = EventHeard | StatusHeard | StatementHeard


def observe(message: Message, at: float, topics: Topics, channel_topic: str) -> Observation | None:
    """What a message is; None when it is nothing of the contract."""
    if message.topic == channel_topic:
        return StatementHeard(at, message.payload)
    place = topics.parse_host(message.topic)
    if place is None or len(message.payload) > limits.STATEMENT_BYTES:
        return None
    host, leaf = place
    try:
        if leaf == "events":
            event = decode(message.payload, message.properties)
            return EventHeard(at, event) if event.subject == host else None
        status = HostStatus.model_validate_json(message.payload)
        return StatusHeard(at, status) if status.host == host else None
    except ValidationError:
        return None
