"""A signed request to one host: a statement like a channel's, with the host's id in the signed part."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from tidegate_schemas import limits
from tidegate_schemas.base import HostId, Message, Moment, Name, Sequence, Short, Text
from tidegate_schemas.statement import STATEMENT_TYPE, Subject, check_critical, parse_signed

PREDICATE_TYPE: Final = "https://tidegate.dev/request/v1"

NONCE_PATTERN: Final = r"^[A-Za-z0-9_-]{22,64}$"
"""Text of base64url or hex digits: 22 of the former hold 128 random bits."""


class Action(StrEnum):
    """What a host can be asked to do."""

    RECHECK = "recheck"
    HOLD = "hold"
    RESUME = "resume"
    ROLLBACK = "rollback"
    INVENTORY = "inventory"
    RESET = "reset"


def host_digest(host: str) -> str:
    """The digest that stands for a host where a request speaks of no image: of its id's UTF-8 bytes."""
    return f"sha256:{hashlib.sha256(host.encode()).hexdigest()}"


class RequestPredicate(Message):
    """The request. A host acts on each once, and never after `expires`.

    `nonce` makes it unique: at least 128 random bits. `product` and `channel` name one follow of the host;
    without them the request is about all of them. Of holds and resumes the one with the latest `issuedAt`
    counts, in whatever order they come. `sequence` is for a reset alone, which is about one follow: the host
    takes it for the highest that it has accepted there.
    """

    host: HostId
    action: Action
    product: Name | None = None
    channel: Name | None = None
    sequence: Sequence | None = None
    nonce: Annotated[str, Field(pattern=NONCE_PATTERN)]
    issued_at: Moment
    expires: Moment
    reason: Text = ""
    critical: Annotated[tuple[Short, ...], Field(max_length=limits.ITEMS)] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.expires <= self.issued_at:
            message = "expires has to be after issuedAt"
            raise ValueError(message)
        if (self.product is None) != (self.channel is None):
            message = "product and channel name a follow together: give both or neither"
            raise ValueError(message)
        if (self.action is Action.RESET) != (self.sequence is not None):
            message = "a reset needs a sequence, and nothing else may have one"
            raise ValueError(message)
        if self.action is Action.RESET and self.product is None:
            message = "a reset is about one follow: it needs product and channel"
            raise ValueError(message)
        return self


class HostRequest(Message):
    """The signed payload.

    The one subject of a rollback is the image to return to: a host whose previous image is another refuses
    it. The subject of every other request is the SHA-256 of the host's id, since in-toto asks for one.
    """

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=1)]
    predicate_type: Literal["https://tidegate.dev/request/v1"] = PREDICATE_TYPE
    predicate: RequestPredicate

    @property
    def digest(self) -> str:
        """The subject's digest: an image's for a rollback, else `host_digest`."""
        return self.subject[0].sha256

    @model_validator(mode="after")
    def _speaks_of_what_it_should(self) -> Self:
        speaks_of_host = self.digest == host_digest(self.predicate.host)
        if self.predicate.action is Action.ROLLBACK and speaks_of_host:
            message = "the subject of a rollback has to be the image to return to"
            raise ValueError(message)
        if self.predicate.action is not Action.ROLLBACK and not speaks_of_host:
            message = f"the subject of {self.predicate.action} has to be the SHA-256 of the host's id"
            raise ValueError(message)
        return self


def parse_request(payload: bytes) -> HostRequest:
    """Read a signed payload as a request (step 4 of the order of verification).

    Raises:
        JsonError: it is too large, too deep or not JSON.
        StatementError: STATEMENT_TYPE, STATEMENT_SCHEMA or STATEMENT_CRITICAL.
    """
    request = parse_signed(payload, HostRequest, PREDICATE_TYPE)
    check_critical(request.predicate, request.predicate.critical)
    return request
