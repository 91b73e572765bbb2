"""Programs for test images: a few machine instructions for x86-64 Linux, so that nothing has to be built."""

from __future__ import annotations

import struct

_BASE = 0x400000
_HEADERS = 64 + 56


def _elf(code: bytes) -> bytes:
    """A static executable (System V ABI, "Object files"): one header, one loadable segment, the code."""
    size = _HEADERS + len(code)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000) + code


WAITS = _elf(bytes.fromhex("b8220000000f05ebf7"))
"""pause(2), for ever."""

FAILS = _elf(bytes.fromhex("bf03000000b83c0000000f05"))
"""exit(3)."""
