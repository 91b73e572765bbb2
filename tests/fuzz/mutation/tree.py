"""Altering JSON so that it stays JSON, and what its texts hold so that it stays what it is.

A text may be base64 of DER, of JSON (a log entry's body, a payload) or of raw bytes: each is altered from
inside.
"""

from __future__ import annotations

import base64
import binascii
import copy
import json
import re
from typing import TYPE_CHECKING, Any

from tests.fuzz.mutation import der

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

Place = tuple[Any, Any]
"""A container, and the key or index of one of its values."""

ODD: tuple[object, ...] = (
    None, True, False, 0, 1, -1, 2**53, 2**63, 1e300, 1.5, "", "0", "1", "-1", "01", "1e3", "AAAA", "=", "\0",
    "\u200b", "\x1b[2J", "2026-03-02T12:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
    "2016-12-31T23:59:60Z", "\u0661", [], {}, [[]], [None], {"": None}, {"sha256": "a" * 64},
)  # fmt: skip
_PAIR = re.compile(rb'"[A-Za-z0-9_]+": ?(?:"[^"\\]{0,80}"|-?[0-9]+|true|null)')
_LEVELS = 20
_SMALL = 400


def alter_json(data: bytes, random: Random, donors: Sequence[bytes] = ()) -> bytes:
    """The same document with one to four things changed; anything but JSON comes back unchanged.

    Args:
        data: JSON.
        random: decides.
        donors: other documents of the kind, whose parts may be put in.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return data
    whole = [value]
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        _alter_one(whole, random, donors)
    written = json.dumps(whole[0], ensure_ascii=random.random() < 0.5, separators=(",", ":"))
    raw = written.encode("utf-8", "surrogatepass")
    return _repeat_key(raw, random) if random.random() < 0.05 else raw


def _alter_one(whole: list[Any], random: Random, donors: Sequence[bytes]) -> None:
    places = list(_places(whole, 0))
    if not places:
        return
    holder, key = random.choice(places)
    value = holder[key]
    match random.randrange(10):
        case 0:
            holder[key] = copy.deepcopy(random.choice(ODD))
        case 1 if holder is not whole:
            del holder[key]
        case 2 if isinstance(holder, list):
            holder.insert(random.randrange(len(holder) + 1), copy.deepcopy(value))
        case 3:
            other, at = random.choice(places)
            holder[key] = copy.deepcopy(other[at])
        case 4 if isinstance(holder, dict):
            holder[random.choice((key.upper(), key + "s", "_" + key, _snake(key), ""))] = holder.pop(key)
        case 5:
            # Many of something small only: each further alteration could multiply it again.
            many = [value] * (33 if len(json.dumps(value)) < _SMALL else 2)
            holder[key] = random.choice(([value], {"value": value}, many))
        case 6 | 7 if donors:
            _transplant(whole, random.choice(donors), random)
        case _:
            holder[key] = _alter_leaf(value, random)


def _alter_leaf(value: Any, random: Random) -> Any:
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return value + random.choice((-1, 1, 2**31, -(2**31), 0.5))
    if not isinstance(value, str):
        return copy.deepcopy(random.choice(ODD))
    if value.isdecimal() and random.random() < 0.7:
        return str(int(value) + random.choice((-1, 1, 60, -600, 2**32)))
    inside = _from_base64(value)
    if inside and random.random() < 0.9:
        return base64.b64encode(_alter_bytes(inside, random)).decode()
    return _alter_text(value, random)


def _alter_bytes(data: bytes, random: Random) -> bytes:
    if data[:1] in (b"{", b"["):
        return alter_json(data, random)
    if data[:1] == b"0" and random.random() < 0.8:
        return der.alter(data, random)
    changed = bytearray(data)
    match random.randrange(4):
        case 0:
            del changed[random.randrange(len(changed)) :]
        case 1:
            changed += bytes(random.randrange(1, 9))
        case _:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _alter_text(text: str, random: Random) -> str:
    at = random.randrange(len(text) + 1)
    odd = random.choice(("\n", " ", "\0", "/", "=", "\u00e9", "\ud800", "A", "0", "\u2014 "))
    lines = text.split("\n")
    match random.randrange(5):
        case 0:
            return text[:at] + odd + text[at:]
        case 1:
            return text[:at] + text[at + 1 :]
        case 2 if len(lines) > 1:  # a checkpoint: lines swapped, dropped or doubled
            random.shuffle(lines)
            return "\n".join(lines[: random.randrange(len(lines)) + 1] + lines[:1])
        case 3 if len(text) < _SMALL:
            return text * random.choice((2, 3, 40))
        case _:
            return text[:at] + odd + text[at + 1 :]


def _transplant(whole: list[Any], donor: bytes, random: Random) -> None:
    """Put a part of another document where it stands there."""
    holder, part = whole[0], json.loads(donor)
    for _ in range(_LEVELS):
        keys = _shared(holder, part)
        if not keys:
            return
        key = random.choice(keys)
        if random.random() < 0.3 or not _shared(holder[key], part[key]):
            holder[key] = part[key]
            return
        holder, part = holder[key], part[key]


def _shared(one: Any, other: Any) -> list[Any]:
    if isinstance(one, dict) and isinstance(other, dict):
        return sorted(one.keys() & other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return list(range(min(len(one), len(other))))
    return []


def _places(holder: Any, depth: int) -> Iterator[Place]:
    items = holder.items() if isinstance(holder, dict) else enumerate(holder)
    for key, value in list(items):
        yield holder, key
        if isinstance(value, dict | list) and depth < 40:  # deeper than anything is read
            yield from _places(value, depth + 1)


def _repeat_key(raw: bytes, random: Random) -> bytes:
    """A key twice, which no tree can hold: a pair is written once more, before or after itself."""
    pairs = list(_PAIR.finditer(raw))
    if not pairs:
        return raw
    at = random.choice(pairs)
    return raw[: at.start()] + at[0] + b"," + raw[at.start() :]


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
