"""JSON from outside, refused before any model sees it when two readers could understand it differently."""

from __future__ import annotations

import json

from tidegate_schemas.codes import Code, TidegateError

MAX_DEPTH = 32
# Twice what 4 MiB of descriptors hold. Parsed, a value may take 100 bytes: an honest one is longer than two.
MAX_VALUES = 250_000
_BEFORE_A_VALUE = (b",", b"[", b"{")


def check_json(raw: bytes, what: str) -> dict[str, object]:
    """Parse a JSON object: UTF-8, no key twice in one object, at most 32 levels deep and 250,000 values.

    Args:
        raw: the document; its size was capped by whoever read it.
        what: names the document for a person.

    Raises:
        TidegateError: IMAGE_MALFORMED.
    """
    # Not exact, for texts may hold them too; but before the first value is made.
    if sum(raw.count(sign) for sign in _BEFORE_A_VALUE) > MAX_VALUES:
        raise TidegateError(Code.IMAGE_MALFORMED, f"{what} has more than {MAX_VALUES} values")
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise TidegateError(Code.IMAGE_MALFORMED, f"{what} is not acceptable JSON: {why[:200]}") from error
    if not isinstance(value, dict):
        raise TidegateError(Code.IMAGE_MALFORMED, f"{what} is not a JSON object")
    if _is_deeper_than(value, MAX_DEPTH):
        raise TidegateError(Code.IMAGE_MALFORMED, f"{what} is nested deeper than {MAX_DEPTH} levels")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {name[:60]!r} is there twice")
        found[name] = value
    return found


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _is_deeper_than(value: object, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return False
        level = below
    return any(isinstance(item, dict | list) for item in level)
