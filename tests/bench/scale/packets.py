"""MQTT 3.1.1 packets as bytes (OASIS MQTT 3.1.1, section 3). Pure."""

from __future__ import annotations

import struct
from typing import Final

PING: Final = b"\xc0\x00"


def text(value: str) -> bytes:
    """A string as packets have it."""
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


def packet(head: int, body: bytes) -> bytes:
    """A packet: its first byte, its length, its body."""
    length, left = bytearray(), len(body)
    while True:
        left, digit = left >> 7, left & 0x7F
        length.append(digit | (0x80 if left else 0))
        if not left:
            return bytes([head]) + bytes(length) + body


def hello(client_id: str, keepalive_s: int) -> bytes:
    """A CONNECT without a session that is kept."""
    return packet(0x10, text("MQTT") + b"\x04\x02" + struct.pack(">H", keepalive_s) + text(client_id))


def subscription(filters: tuple[str, ...], qos: int) -> bytes:
    """A SUBSCRIBE."""
    wanted = b"".join(text(each) + bytes([qos]) for each in filters)
    return packet(0x82, b"\x00\x01" + wanted)


def publication(topic: str, payload: bytes, number: int = 1, *, retain: bool = False) -> bytes:
    """A PUBLISH at QoS 1."""
    return packet(0x32 | retain, text(topic) + struct.pack(">H", number) + payload)


def take_packet(data: bytearray) -> tuple[int, bytes] | None:
    """Take the first packet off what came: its first byte and its body; None while it is not whole."""
    size, shift, place = 0, 0, 1
    while place < len(data):
        digit = data[place]
        size, shift, place = size | (digit & 0x7F) << shift, shift + 7, place + 1
        if not digit & 0x80:
            break
    else:
        return None
    if len(data) < place + size:
        return None
    head, body = data[0], bytes(data[place : place + size])
    del data[: place + size]
    return head, body
