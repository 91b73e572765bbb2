"""Tar headers, block by block: POSIX.1-1988 ustar, POSIX.1-2001 pax, and GNU tar's dialect.

Pure functions over bytes. What cannot be understood is refused, never guessed.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from tidegate_agent.engines.images.limits import malformed, unsupported

BLOCK = 512
ZERO_BLOCK = bytes(BLOCK)
XATTR_PREFIX = b"SCHILY.xattr."
_MAX_ID = 2**32 - 2  # 2**32 - 1 means "leave as it is" to chown(2)
_MTIME_RANGE = (-(2**31), 2**33 - 1)  # fits ext4, and 63 bits of nanoseconds
_DECIMAL = re.compile(rb"(-?)(\d{1,18})(?:\.(\d*))?")
_NANO = 10**9


class Header(NamedTuple):
    """One ustar header block. `mtime` is in seconds; `typeflag` is one byte."""

    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    typeflag: bytes
    link: bytes
    device: int


def parse_header(block: bytes) -> Header:
    """Parse a header block of 512 bytes.

    Raises:
        EngineError: IMAGE_MALFORMED.
    """
    field = block[148:156]
    if number(field) not in _checksums(block, field):
        raise malformed("a tar header's checksum is wrong")
    name = text(block[0:100])
    # GNU's dialect ("ustar  \0") keeps times where ustar keeps the name's prefix.
    if block[257:263] == b"ustar\0" and block[345]:
        name = text(block[345:500]) + b"/" + name
    typeflag = block[156:157]
    return Header(
        name=name,
        mode=number(block[100:108]) & 0o7777,
        uid=owner(number(block[108:116])),
        gid=owner(number(block[116:124])),
        size=_size(number(block[124:136])),
        mtime=number(block[136:148]),
        typeflag=typeflag,
        link=text(block[157:257]),
        device=_device(block) if typeflag in (b"3", b"4") else 0,
    )


def _checksums(block: bytes, field: bytes) -> tuple[int, ...]:
    """The sum with the checksum field as spaces; old tars summed signed bytes."""
    unsigned = sum(block) - sum(field) + 8 * 0x20
    high = sum(1 for byte in block if byte > 0x7F) if not block.isascii() else 0  # noqa: PLR2004 - sign bit
    return (unsigned, unsigned - 256 * high)


def _device(block: bytes) -> int:
    major, minor = number(block[329:337]), number(block[337:345])
    if not (0 <= major < 2**12 and 0 <= minor < 2**20):
        raise malformed("a device number is out of range")
    return os.makedev(major, minor)


def _size(value: int) -> int:
    if value < 0:
        raise malformed("a tar header gives a negative size")
    return value


def owner(value: int) -> int:
    """A user or group id, checked.

    Raises:
        EngineError: IMAGE_MALFORMED.
    """
    if not 0 <= value <= _MAX_ID:
        raise malformed(f"a tar header gives the impossible owner {value}")
    return value


def text(field: bytes) -> bytes:
    """A string field up to its first NUL."""
    return field.split(b"\0", 1)[0]


def number(field: bytes) -> int:
    """A number field: octal digits, or GNU's base-256 when the top bit is set (negative from 0xff on).

    Raises:
        EngineError: IMAGE_MALFORMED.
    """
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=True)
        negative = field[0] & 0x40
        return value if negative else value + (1 << (8 * len(field) - 1))
    digits = text(field).strip(b" ")
    if digits.strip(b"01234567"):
        raise malformed("a tar header holds a number that is not octal")
    return int(digits, 8) if digits else 0


def nanoseconds(seconds: int, fraction: int = 0) -> int:
    """A modification time, brought into the range that file systems can hold."""
    low, high = _MTIME_RANGE
    return min(max(seconds, low), high) * _NANO + fraction


def parse_pax(data: bytes) -> dict[bytes, bytes]:
    """Parse the records `length key=value` of a pax extended header (POSIX.1-2001).

    Raises:
        EngineError: IMAGE_MALFORMED; IMAGE_UNSUPPORTED for sparse files.
    """
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(data):
        digits, blank, _ = data[position : position + 20].partition(b" ")
        if not blank or not digits.isdigit():
            raise malformed("a pax header's record has no length")
        end = position + int(digits)
        key, equals, value = data[position + len(digits) + 1 : end].partition(b"=")
        if end > len(data) or not key or not equals or value[-1:] != b"\n":
            raise malformed("a pax header's record does not fit its length")
        if key.startswith(b"GNU.sparse."):
            raise unsupported("the layer holds a sparse file; build it without `tar --sparse`")
        records[key] = value[:-1]
        position = end
    return records


def pax_number(value: bytes) -> int:
    """A pax header's whole number (decimal).

    Raises:
        EngineError: IMAGE_MALFORMED.
    """
    if not value.isdigit() or len(value) > 18:  # noqa: PLR2004 - fits 63 bits
        raise malformed("a pax header holds a number that is not decimal")
    return int(value)


def pax_time(value: bytes) -> int:
    """A pax header's time, decimal seconds with a fraction, in nanoseconds (finer digits are cut).

    Raises:
        EngineError: IMAGE_MALFORMED.
    """
    match = _DECIMAL.fullmatch(value)
    if match is None:
        raise malformed("a pax header holds a time that is not decimal")
    fraction = int((match[3] or b"").ljust(9, b"0")[:9])
    seconds = int(match[2])
    if match[1]:
        return nanoseconds(-seconds, -fraction)
    return nanoseconds(seconds, fraction)
