"""Strict JSON, against two other readers: json.loads, and the one inside pydantic that reads it next.

What passes is read the same by all three; what is refused had a reason that json.loads can see, too.
"""

from __future__ import annotations

from pydantic_core import from_json

from tests.fuzz.oracle import Reading, read_plainly, require, require_clean, same
from tidegate_schemas import jsontext, limits
from tidegate_schemas.codes import TidegateError
from tidegate_wire.registry.checked_json import MAX_DEPTH, check_json


def check(data: bytes) -> None:
    """One input."""
    reference = read_plainly(data)
    try:
        value = jsontext.parse(data)
    except TidegateError as error:
        require_clean(error)
        require(not _harmless(data, reference), f"harmless JSON is refused: {error.reason}")
    else:
        _check_accepted(data, value, reference)
    _check_document(data, reference)


def _check_accepted(data: bytes, value: object, reference: Reading | None) -> None:
    require(_harmless(data, reference), "accepted beyond the caps, with a key twice, or without meaning")
    require(reference and same(value, reference.value), "json.loads reads something else")
    require(same(from_json(data), value), "pydantic reads something else")


def _check_document(data: bytes, reference: Reading | None) -> None:
    try:
        document = check_json(data, "the document")
    except TidegateError as error:
        require_clean(error)
        return
    require(reference and not reference.repeated, "a document with a key twice")
    require(reference and reference.depth <= MAX_DEPTH, "a document that is too deep")
    require(reference and same(document, reference.value), "json.loads reads another document")


def _harmless(data: bytes, reference: Reading | None) -> bool:
    if reference is None or len(data) > limits.STATEMENT_BYTES or reference.depth > limits.JSON_DEPTH:
        return False
    return not (reference.repeated or reference.constants or reference.surrogates)
