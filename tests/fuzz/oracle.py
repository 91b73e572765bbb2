"""What a fuzzed reader is held to, beyond 'no crash': independent readings to compare with, and `require`."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fuzz.landmarks import LANDMARKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_schemas.codes import TidegateError


class Finding(AssertionError):  # noqa: N818 - what a fuzzer reports is called a finding
    """An input that breaks an invariant."""


def require(held: object, invariant: str) -> None:
    """Raise Finding when an invariant does not hold."""
    if not held:
        raise Finding(invariant)


def require_clean(error: TidegateError) -> None:
    """A refusal is one sentence for a terminal, a log and an event: nothing in it may be from an input."""
    require(error.reason, "a refusal says why")
    require(error.reason.isprintable(), f"a refusal holds control characters: {error.reason!a}")
    require(len(error.reason) <= 2000, "a refusal is a sentence, not a copy of its input")
    LANDMARKS.visit(error)


@dataclass(frozen=True, slots=True)
class Reading:
    """JSON as the standard library reads it.

    Attributes:
        value: what was read; of a key that stands twice the last.
        repeated: some object has a key twice.
        constants: NaN or Infinity is in it, or a number that becomes infinite.
        surrogates: a text is in it that cannot be written as UTF-8.
        depth: levels of arrays and objects.
    """

    value: object
    repeated: bool
    constants: bool
    surrogates: bool
    depth: int


def read_plainly(raw: bytes) -> Reading | None:
    """What json.loads makes of the bytes, and what was odd about them; None when it refuses."""
    repeated = False

    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeated
        repeated = repeated or len({key for key, _ in found}) < len(found)
        return dict(found)

    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return None
    constants = any(isinstance(leaf, float) and not math.isfinite(leaf) for leaf, _ in _walk(value))
    depth = max(level for _, level in _walk(value))
    return Reading(value, repeated, constants, _has_surrogates(value), depth)


def same(one: object, other: object) -> bool:
    """Whether two JSON values are the same in kind, value and order of keys: 1, 1.0 and true are not."""
    return repr(one) == repr(other)


def _walk(value: Any) -> Iterator[tuple[Any, int]]:
    """Every value inside, with the number of containers around it, itself counted."""
    stack = [(value, 0)]
    while stack:
        item, level = stack.pop()
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else None
        yield item, level + (inner is not None)
        stack.extend((each, level + 1) for each in inner or ())


def _has_surrogates(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
