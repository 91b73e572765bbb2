"""What goes over the wire, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Version(StrEnum):
    """The MQTT protocol versions in use."""

    V5 = "5"
    V311 = "3.1.1"


@dataclass(frozen=True, slots=True)
class Publication:
    """A message to be published at QoS 1, or left as a will.

    `content_type` and `properties` (user properties) exist in MQTT 5 only and are dropped on 3.1.1.
    """

    topic: str
    payload: bytes
    retain: bool = False
    content_type: str = "application/json"
    properties: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A message from the broker. Nothing about it is trusted.

    `payload` is a copy, cut to `limits.STATEMENT_BYTES + 1` bytes: that it was too long stays visible.
    `retained` says that it was stored at the broker before this subscription. `packet` is what a link that
    acknowledges late is told when the message is done with; 0: nobody waits for that.
    """

    topic: str
    payload: bytes
    retained: bool
    content_type: str | None = None
    properties: tuple[tuple[str, str], ...] = ()
    packet: int = 0
