"""A signed request to one host: a statement like a channel's, with the host's id in the signed part."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from tidegate_schemas.base import HostId, Message, Moment, Name, Short, Text
from tidegate_schemas.statement import STATEMENT_TYPE, Subject, parse_signed

PREDICATE_TYPE: Final = "https://tidegate.dev/request/v1"


class Action(StrEnum):
    """What a host can be asked to do."""

    RECHECK = "recheck"
    HOLD = "hold"
    RESUME = "resume"
    ROLLBACK = "rollback"
    INVENTORY = "inventory"


class RequestPredicate(Message):
    """The request. `nonce` makes it unique; a host acts on each once, and never after `expires`."""

    host: HostId
    action: Action
    product: Name | None = None
    channel: Name | None = None
    nonce: Short
    issued_at: Moment
    expires: Moment
    reason: Text = ""


class HostRequest(Message):
    """The signed payload. The subject is the digest spoken of, or the host id's own."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=1)]
    predicate_type: Literal["https://tidegate.dev/request/v1"] = PREDICATE_TYPE
    predicate: RequestPredicate


def parse_request(payload: bytes) -> HostRequest:
    """Read a signed payload as a request (step 4 of the order of verification).

    Raises:
        JsonError: it is too large, too deep or not JSON.
        StatementError: STATEMENT_TYPE or STATEMENT_SCHEMA.
    """
    return parse_signed(payload, HostRequest, PREDICATE_TYPE)
