"""What hosts send, as a watcher reads it.

Without device keys none of it is proven: it is as good as the broker's ACL. With them, an event counts only
when a key of the host that the topic names has signed it, and the signed event speaks of that host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import ValidationError

from tidegate_fleet.newer import in_known_words
from tidegate_schemas import limits
from tidegate_schemas.envelope import EventSignatureError, read_envelope, read_event
from tidegate_schemas.events import UpdateEvent, decode
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_schemas.topics import Topics
    from tidegate_wire.mqtt.messages import Message


T = TypeVar("T")


class EventCheck(Protocol):
    """Knows the device keys of hosts."""

    def verify(self, host: str, raw: bytes) -> tuple[bytes, str]:
        """The signed bytes and the id of the key. Raises EventSignatureError: no key of the host signed."""
        ...


@dataclass(frozen=True, slots=True)
class HostEvent:
    """An event, and what is known of its signature.

    Attributes:
        event: what the host says.
        key_id: the key that signed it; what the envelope claims when it was not checked; None without one.
        verified: whether the signature was checked, and holds.
    """

    event: UpdateEvent
    key_id: str | None = None
    verified: bool = False


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """Something on a host's topic that its keys do not stand behind."""

    host: str
    reason: str


Heard = HostEvent | HostStatus | RefusedEvent | None


def read_host_message(message: Message, topics: Topics, check: EventCheck | None = None) -> Heard:
    """Read a message; None when it is no word of a host, or speaks for another host than its topic's.

    Args:
        message: as it came.
        topics: the topics in use.
        check: the device keys. With them whatever they do not stand behind is a RefusedEvent.
    """
    place = topics.parse_host(message.topic)
    if place is None:
        return None
    host, leaf = place
    if leaf in {"status", "will"}:
        status = _status(host, message.payload)
        return status if status is None or leaf == "status" or status.is_will else None
    if leaf != "events":
        return None
    if check is not None:
        return _checked(host, message.payload, check)
    if len(message.payload) > limits.STATEMENT_BYTES:
        return None
    return _unchecked(host, message)


def _status(host: str, payload: bytes) -> HostStatus | None:
    if len(payload) > limits.STATEMENT_BYTES:
        return None
    status = _lenient(HostStatus.model_validate_json, payload)
    if status is None:
        return None
    # The broker's ACL binds the topic to the host; what the payload says about its sender is a claim.
    return status if status.host == host else None


def _checked(host: str, payload: bytes, check: EventCheck) -> HostEvent | RefusedEvent:
    try:
        signed, key_id = check.verify(host, payload)
        event = _signed(signed)
    except EventSignatureError as error:
        return RefusedEvent(host, error.reason)
    if event.subject != host:
        # One key may be enrolled for several hosts, by mistake or not: it speaks for the one that it names.
        return RefusedEvent(host, f"it is signed, and speaks of {event.subject}")
    return HostEvent(event, key_id, verified=True)


def _unchecked(host: str, message: Message) -> HostEvent | None:
    try:
        sealed = read_envelope(message.payload)
    except EventSignatureError:
        return None
    content = message.payload if sealed is None else sealed.payload
    if sealed is None:
        event = _lenient(lambda raw: decode(raw, message.properties), content)
    else:
        event = _lenient(read_event, content)
    if event is None or event.subject != host:
        return None
    return HostEvent(event, None if sealed is None else sealed.signature.keyid)


def _signed(content: bytes) -> UpdateEvent:
    """What was signed. Raises EventSignatureError: it is no event."""
    event = _lenient(read_event, content)
    return read_event(content) if event is None else event


def _lenient(read: Callable[[bytes], T], raw: bytes) -> T | None:
    """Read a word, of a newer agent too; None when it is none."""
    try:
        return read(raw)
    except (ValidationError, EventSignatureError):
        known = in_known_words(raw)
    try:
        return None if known is None else read(known)
    except (ValidationError, EventSignatureError):
        return None
