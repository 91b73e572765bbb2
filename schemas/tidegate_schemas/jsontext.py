"""Reading JSON that may be hostile: capped in size and depth, UTF-8 only, no key twice, no NaN.

Step 1 of the order of verification (docs/threats.md). What passes here is safe to hand to a model.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final, NoReturn

from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError

# A string without an end matches to the end of the text: a pattern that failed there would be tried again
# at each quote inside, in time that grows with the square of the message.
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)

_SURROGATE: Final = re.compile(r"\\u[dD]")


class JsonError(TidegateError):
    """Text that is too large, too deep, or not plain JSON."""


def parse(raw: bytes, max_bytes: int = limits.STATEMENT_BYTES, max_depth: int = limits.JSON_DEPTH) -> object:
    """Parse UTF-8 JSON (RFC 8259) within caps.

    Args:
        raw: the bytes as they came.
        max_bytes: largest size that is looked at.
        max_depth: deepest nesting of arrays and objects.

    Raises:
        JsonError: STATEMENT_OVERSIZE or STATEMENT_MALFORMED.
    """
    if len(raw) > max_bytes:
        raise JsonError(Code.STATEMENT_OVERSIZE, f"the message has more than {max_bytes} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError(
            Code.STATEMENT_MALFORMED, f"the message is not UTF-8 at byte {error.start}"
        ) from error
    _check_depth(text, max_depth)
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
        if _SURROGATE.search(text):
            # Half a pair is no character: whoever writes it on breaks (RFC 8259, section 8.2).
            json.dumps(value, ensure_ascii=False).encode()
    except JsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise JsonError(Code.STATEMENT_MALFORMED, f"the message is not JSON: {error}") from error
    return value


def _check_depth(text: str, max_depth: int) -> None:
    # Counted before parsing: the standard parser recurses, and hostile depth is cheap to send.
    depth = 0
    for match in _TOKEN.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            if depth > max_depth:
                raise JsonError(Code.STATEMENT_MALFORMED, f"the message nests deeper than {max_depth} levels")
        elif mark in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            # Two readers could take different ones of the two (RFC 8259, section 4).
            raise JsonError(Code.STATEMENT_MALFORMED, f"the key {key[:64]!r} stands twice in one object")
        found[key] = value
    return found


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise JsonError(Code.STATEMENT_MALFORMED, f"the number {text[:64]} is too large")
    return value


def _no_constant(name: str) -> NoReturn:
    raise JsonError(Code.STATEMENT_MALFORMED, f"{name} is not JSON")
