"""Reading answers: bounded in size and in time, whatever the other side sends."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.deadline import ended_after
from tidegate_wire.registry.pacing import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse

    from tidegate_wire.registry.pacing import Pacing

_CHUNK = 256 * 1024


def read_document(response: BaseHTTPResponse, limit: int, pacing: Pacing, what: str) -> bytes:
    """Read a whole small answer.

    Args:
        response: the answer, not read yet.
        limit: bytes that it may have.
        pacing: the clock, and the seconds that it may take.
        what: names it for a person.

    Raises:
        TransientError: it broke off, or took too long.
        TidegateError: IMAGE_TOO_LARGE.
    """
    too_large = TidegateError(Code.IMAGE_TOO_LARGE, f"{what} is larger than the limit of {limit} bytes")
    if (declared_length(response) or 0) > limit:
        raise too_large
    found = bytearray()
    asked = pacing.take_turn()
    until = asked + pacing.limits.document_timeout
    while chunk := _read(response, pacing, asked):
        found += chunk
        if len(found) > limit:
            raise too_large
        if pacing.clock() > until:
            raise TransientError(f"{what} took longer than {pacing.limits.document_timeout:g} s")
    return bytes(found)


def read_paced(response: BaseHTTPResponse, pacing: Pacing) -> Iterator[bytes]:
    """Read a long answer in chunks, as they come, as long as they come fast enough.

    Only time spent waiting for the network counts: not what the consumer does between the chunks, nor the
    pauses that keep the host below the rate that it is given.

    Raises:
        TransientError: it broke off, or fell below the minimum rate.
    """
    waited, received = 0.0, 0
    limits = pacing.limits
    while True:
        asked = pacing.take_turn()
        chunk = _read(response, pacing, asked)
        waited += pacing.clock() - asked
        received += len(chunk)
        if not chunk:
            return
        yield chunk
        if waited >= limits.rate_window:
            if received < limits.minimum_rate * waited:
                raise TransientError(f"only {received} bytes came in {waited:.0f} s")
            waited, received = 0.0, 0


def declared_length(response: BaseHTTPResponse) -> int | None:
    """The answer's Content-Length, or None when there is no usable one."""
    value = response.headers.get("Content-Length", "")
    return int(value[:19]) if value.isascii() and value.isdigit() else None


def _read(response: BaseHTTPResponse, pacing: Pacing, asked: float) -> bytes:
    bounded = (
        # Lengths and trailers are lines of their own between the bytes that we want.
        ended_after(pacing.limits.read_timeout, response.shutdown)
        if response.chunked
        else contextlib.nullcontext()
    )
    try:
        with bounded:
            # read1, because read would wait for a whole chunk, and a slow sender would not be noticed.
            content = response.read1(pacing.piece(_CHUNK), decode_content=False) or b""
    except (HTTPError, TimeoutError) as error:
        raise TransientError(f"the transfer broke off: {error}") from error
    pacing.came(len(content), asked)
    return content
