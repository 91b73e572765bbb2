"""What scripted brokers say about publications: read them, and acknowledge them as they like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tidegate_schemas.events import UpdateEvent

if TYPE_CHECKING:
    from tests.support.scripted_broker import Peer

QUOTA_EXCEEDED: Final = 0x97
PINGREQ: Final = 0xC0


@dataclass(frozen=True, slots=True)
class Mail:
    """One PUBLISH on MQTT 3.1.1: its packet id and the id of the event in it."""

    mid: int
    event: str


@dataclass
class Book:
    """What a broker was given, in order, over all connections; redeliveries included."""

    mails: list[Mail] = field(default_factory=list)

    @property
    def events(self) -> list[str]:
        """The events in the order of their first arrival."""
        return list(dict.fromkeys(mail.event for mail in self.mails))

    def read(self, peer: Peer) -> Mail:
        """The next PUBLISH at QoS 1; whatever else comes is answered or passed over."""
        while True:
            first, body = peer.read()
            if first == PINGREQ:
                peer.send(b"\xd0\x00")
            elif first & 0xF0 == 0x30:
                topic_end = 2 + int.from_bytes(body[:2], "big")
                mid = int.from_bytes(body[topic_end : topic_end + 2], "big")
                mail = Mail(mid, UpdateEvent.model_validate_json(body[topic_end + 2 :]).id)
                self.mails.append(mail)
                return mail


def acknowledge(peer: Peer, *mails: Mail) -> None:
    """PUBACKs, in this order."""
    peer.send(b"".join(b"\x40\x02" + mail.mid.to_bytes(2, "big") for mail in mails))


def mid_of_5(body: bytes) -> bytes:
    """The packet id of an MQTT 5 PUBLISH at QoS 1."""
    start = 2 + int.from_bytes(body[:2], "big")
    return body[start : start + 2]
