"""What hosts send, as a publisher's watcher reads it: an event or a status, or nothing at all.

An input is what the broker delivers: lines `name: value` for the user properties of MQTT 5, an empty line,
and the payload. The line `status` at the top says that it came on the status topic.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tests.fuzz import known
from tests.fuzz.oracle import require
from tidegate_fleet.words import HostEvent, RefusedEvent, read_host_message
from tidegate_schemas import limits
from tidegate_schemas.events import decode, encode
from tidegate_schemas.status import HostStatus
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.messages import Message
from tidegate_wire.trust.device import read_keys, verify_event

if TYPE_CHECKING:
    from tidegate_schemas.events import UpdateEvent
    from tidegate_wire.trust.device import DeviceKey

HOST = "edge-1"
TOPICS = Topics()


def check(data: bytes) -> None:
    """One input."""
    message = as_message(data)
    found = read_host_message(message, TOPICS)
    if isinstance(found, HostEvent):
        require(not found.verified, "an event counts as checked that was not")
        require(len(message.payload) <= limits.STATEMENT_BYTES, "a message beyond the cap is read")
        _check_event(found.event)
    elif isinstance(found, HostStatus):
        _check_status(found)
    _check_signed(message)


def _check_signed(message: Message) -> None:
    """The same where the host's device key is known: only what it signed counts."""
    found = read_host_message(message, TOPICS, _DeviceKeys())
    if isinstance(found, RefusedEvent):
        require(found.reason.isprintable(), f"a refusal holds control characters: {found.reason!a}")
    elif isinstance(found, HostEvent):
        require(found.verified, "an event counts that was not checked")
        require(found.event.to_json() in _signed_events(), "an event counts that the host never signed")


class _DeviceKeys:
    """The keys of the host, as a publisher knows them."""

    def verify(self, _host: str, raw: bytes) -> tuple[bytes, str]:
        """See EventCheck."""
        found = verify_event(raw, _keys())
        return found.payload, found.key_id


@cache
def _keys() -> tuple[DeviceKey, ...]:
    return read_keys(known.DEVICE_KEY.read_text(), "device.pem")


@cache
def _signed_events() -> frozenset[bytes]:
    sealed = verify_event(known.SIGNED_EVENT.read_bytes(), _keys())
    return frozenset({decode(sealed.payload).to_json()})


def _check_status(status: HostStatus) -> None:
    require(status.host == HOST, "a host speaks for another")
    require(len(status.follows) <= limits.ITEMS, "a status has too many follows")
    again = HostStatus.model_validate_json(status.to_json())
    require(again.to_json() == status.to_json(), "a status read twice says something else")


def as_message(data: bytes) -> Message:
    """The input as the broker would deliver it."""
    head, gap, payload = data.partition(b"\n\n")
    if not gap or data[:1] in (b"{", b"["):
        return Message(TOPICS.events(HOST), data, retained=False)
    lines = head.decode("utf-8", errors="replace").split("\n")
    topic = TOPICS.events(HOST)
    if lines[0] == "status":
        topic = TOPICS.status(HOST)
    pairs = [line.split(": ", 1) for line in lines if ": " in line]
    return Message(topic, payload, retained=False, properties=tuple((name, value) for name, value in pairs))


def _check_event(event: UpdateEvent) -> None:
    require(event.subject == HOST, "a host speaks for another")
    structured = encode(event, binary=False)
    require(decode(structured.payload).to_json() == event.to_json(), "structured, it says something else")
    binary = encode(event, binary=True)
    again = decode(binary.payload, binary.properties)
    require(again.data.to_json() == event.data.to_json(), "in binary mode, its data says something else")
    told = (again.id, again.source, again.type, again.subject, again.time)
    require(told == (event.id, event.source, event.type, event.subject, event.time), "attributes are lost")
