"""Amounts of data and data rates, as people read and write them. PURE."""

from __future__ import annotations

import re
from typing import Final

UNITS: Final = {
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
_BINARY: Final = ("TiB", "GiB", "MiB", "KiB")
_SIZE: Final = re.compile(r"(\d{1,15})(?:\.(\d{1,3}))? ?([kKMGT]i?B|B)", re.ASCII)


class ByteCount(int):
    """A number of bytes, which prints as a person writes it."""

    def __str__(self) -> str:
        """In the largest binary unit that loses nothing."""
        unit = next((unit for unit in _BINARY if self % UNITS[unit] == 0), "B")
        return f"{self // UNITS[unit]} {unit}"


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
    if matched is None or matched[3] not in UNITS:
        raise ValueError(f"{text!r} is not a size")
    whole, fraction, unit = matched.groups()
    parts = int(whole) * 1000 + int((fraction or "0").ljust(3, "0"))
    return parts * UNITS[unit] // 1000


def about(size: int) -> str:
    """A size as it is said in a sentence: three digits or so, in the binary unit that fits."""
    for unit in _BINARY:
        if size >= UNITS[unit]:
            amount = size / UNITS[unit]
            return f"{amount:.0f} {unit}" if amount >= 100 else f"{amount:.3g} {unit}"  # noqa: PLR2004
    return f"{size} B"
