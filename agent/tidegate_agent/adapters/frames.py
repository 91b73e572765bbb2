"""How questions and answers are told apart on a pipe: a nonce, a length, and that many bytes."""

from __future__ import annotations

import struct
from typing import Final

NONCE_BYTES: Final = 16

_HEADER: Final = struct.Struct(f">{NONCE_BYTES}sI")

HEADER_BYTES: Final = _HEADER.size


def pack(nonce: bytes, body: bytes) -> bytes:
    """A frame. `nonce` has NONCE_BYTES; the body's length goes into 32 bits."""
    return _HEADER.pack(nonce, len(body)) + body


def read_header(header: bytes) -> tuple[bytes, int]:
    """The nonce, and how many bytes follow. `header` has HEADER_BYTES."""
    nonce, length = _HEADER.unpack(header)
    return nonce, length
