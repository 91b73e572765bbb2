"""Amounts of data and data rates, as a person writes them."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import PlainValidator

from tidegate_agent.config.scalars import refused
from tidegate_schemas.codes import Code

_UNITS: Final = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_BINARY: Final = ("TiB", "GiB", "MiB", "KiB", "B")
_SIZE: Final = re.compile(r"(\d{1,15})(?:\.(\d{1,3}))? ?([kKMGT]i?B|B)", re.ASCII)
_LEAST_RATE: Final = 2**10
_MOST: Final = 2**60


class ByteCount(int):
    """A number of bytes, which prints as a person writes it."""

    def __str__(self) -> str:
        """In the largest binary unit that loses nothing."""
        unit = next(unit for unit in _BINARY if self % _UNITS[unit] == 0)
        return f"{self // _UNITS[unit]} {unit}"


class ByteRate(ByteCount):
    """A number of bytes per second."""

    def __str__(self) -> str:
        """As a size, with "/s" behind it."""
        return f"{super().__str__()}/s"


def parse_size(text: str) -> int:
    """Read `2 GiB`, `500MB`, `1.5 GiB` or `800 B`. KiB, MiB, GiB and TiB count by 1024, kB to TB by 1000.

    Raises:
        ValueError: for anything else.
    """
    matched = _SIZE.fullmatch(text.strip())
    if matched is None or matched[3] not in _UNITS:
        raise ValueError(f"{text!r} is not a size")
    whole, fraction, unit = matched.groups()
    parts = int(whole) * 1000 + int((fraction or "0").ljust(3, "0"))
    return parts * _UNITS[unit] // 1000


def _size(value: object) -> ByteCount:
    try:
        found = value if isinstance(value, int) and not isinstance(value, bool) else parse_size(str(value))
    except ValueError:
        found = 0
    if not 0 < found <= _MOST:
        raise refused(Code.CONFIG_VALUE, 'expected a size such as "2 GiB", "500 MB" or "1.5 GiB"')
    return ByteCount(found)


def _rate(value: object) -> ByteRate:
    try:
        if isinstance(value, ByteRate):
            return value
        if isinstance(value, str) and value.rstrip().endswith("/s"):
            found = parse_size(value.rstrip().removesuffix("/s"))
            if _LEAST_RATE <= found <= _MOST:
                return ByteRate(found)
    except ValueError:
        pass
    raise refused(Code.CONFIG_VALUE, 'expected a rate of at least 1 KiB/s, such as "500 KiB/s" or "2 MB/s"')


Size = Annotated[ByteCount, PlainValidator(_size)]
"""A number of bytes, more than none."""

Rate = Annotated[ByteRate, PlainValidator(_rate)]
"""A number of bytes per second, at least 1024: below that a registry could not be told from a dead one."""
