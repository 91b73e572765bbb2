"""What hosts send, as a watcher reads it. Nothing of it is signed: it is as good as the broker's ACL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from tidegate_schemas import limits
from tidegate_schemas.events import UpdateEvent, decode
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from tidegate_schemas.topics import Topics
    from tidegate_wire.mqtt.messages import Message


def read_host_message(message: Message, topics: Topics) -> UpdateEvent | HostStatus | None:
    """A message as event or status; None when it is neither, or speaks for another host than its topic's."""
    place = topics.parse_host(message.topic)
    if place is None or len(message.payload) > limits.STATEMENT_BYTES:
        return None
    host, leaf = place
    try:
        if leaf == "status":
            status = HostStatus.model_validate_json(message.payload)
            return status if status.host == host else None
        event = decode(message.payload, message.properties)
    except ValidationError:
        return None
    # The broker's ACL binds the topic to the host; what the payload says about its sender is a claim.
    return event if event.subject == host else None
