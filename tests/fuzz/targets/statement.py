"""Signed content: whatever is read as a statement says what any other JSON reader finds in the same bytes."""

from __future__ import annotations

import re
from typing import Any

from tests.fuzz.oracle import read_plainly, require, require_clean
from tidegate_schemas import limits
from tidegate_schemas.codes import TidegateError
from tidegate_schemas.requests import parse_request
from tidegate_schemas.statement import ChannelStatement, parse_statement

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check(data: bytes) -> None:
    """One input, read as a channel's statement and as a request to a host: it cannot be both."""
    read = [_check_statement(data), _check_request(data)]
    require(not all(read), "it is read as a statement and as a request")


def _check_request(data: bytes) -> bool:
    try:
        request = parse_request(data)
    except TidegateError as error:
        require_clean(error)
        return False
    require(len(data) <= limits.STATEMENT_BYTES, "a request beyond the cap is read")
    reading = read_plainly(data)
    require(reading and not reading.repeated, "a request with a key twice is read")
    content: Any = reading and reading.value
    said, read = content["predicate"], request.predicate
    require((said["host"], said["action"]) == (read.host, read.action), "another request is read")
    require(read.issued_at < read.expires, "it expires before it was issued")
    written = request.to_json()
    require(len(written) > limits.STATEMENT_BYTES or parse_request(written).to_json() == written, "unstable")
    return True


def _check_statement(data: bytes) -> bool:
    try:
        statement = parse_statement(data)
    except TidegateError as error:
        require_clean(error)
        return False
    require(len(data) <= limits.STATEMENT_BYTES, "a statement beyond the cap is read")
    _compare(statement, data)
    _write_and_read(statement)
    return True


def _compare(statement: ChannelStatement, data: bytes) -> None:
    reading = read_plainly(data)
    require(reading and not reading.repeated, "a statement with a key twice is read")
    content: Any = reading and reading.value
    said, read = content["predicate"], statement.predicate
    require(content["subject"][0]["digest"]["sha256"] == statement.digest[7:], "another digest is read")
    require(_DIGEST.fullmatch(statement.digest), "the digest is none")
    for name in (read.product, read.channel):
        require(_NAME.fullmatch(name), "a name is no topic level")
    require((said["product"], said["channel"]) == (read.product, read.channel), "another channel is read")
    require(type(said["sequence"]) is int and said["sequence"] == read.sequence, "another sequence is read")
    require(1 <= read.sequence <= limits.SEQUENCE, "the sequence is out of bounds")
    require(read.issued_at < read.expires, "it expires before it was issued")
    require(read.floor <= read.sequence, "the floor is above the sequence")
    require(tuple(said["image"]["references"]) == read.image.references, "other references are read")


def _write_and_read(statement: ChannelStatement) -> None:
    written = statement.to_json()
    if len(written) > limits.STATEMENT_BYTES:  # a date or a number may take more bytes when it is written out
        return
    require(parse_statement(written).to_json() == written, "written and read again, it says something else")
