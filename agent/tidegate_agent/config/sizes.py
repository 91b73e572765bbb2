"""Amounts of data and data rates in the configuration."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import PlainValidator

from tidegate_agent.amounts import ByteCount, ByteRate, parse_size
from tidegate_agent.config.scalars import refused
from tidegate_schemas.codes import Code

_LEAST_RATE: Final = 2**10
_MOST: Final = 2**60


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
