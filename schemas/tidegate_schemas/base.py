"""What all messages share: frozen, strictly typed, camelCase on the wire; and the common field types."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticKnownError

from tidegate_schemas import limits

DIGEST_PATTERN: Final = r"^sha256:[0-9a-f]{64}$"
NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,63}$"
HOST_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_RFC3339: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}", re.ASCII)


class Message(BaseModel):
    """A message that tidegate itself writes and reads: unknown fields are kept and ignored.

    A newer publisher may say more than an older host knows (protocol, the channel statement);
    what must not be ignored is named in the statement's `critical`.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="allow",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
    )

    def to_json(self) -> bytes:
        """The message as compact UTF-8 JSON; fields without a value are left out."""
        return self.model_dump_json(exclude_none=True).encode()

    def unknown(self) -> dict[str, Any]:
        """The fields that this version does not know."""
        return dict(self.model_extra or {})


class Form(Message):
    """Something a person writes (a release file): unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid")


def _only_rfc3339(value: object) -> object:
    # Left to itself, pydantic also reads a count of seconds since 1970, in quotes or not.
    if not isinstance(value, datetime) and not (isinstance(value, str) and _RFC3339.match(value)):
        raise PydanticKnownError("datetime_type")
    return value


def _as_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        message = "the date does not exist in UTC"
        raise ValueError(message) from error


def rfc3339(moment: datetime) -> str:
    """A moment as RFC 3339 text in UTC: whole seconds when it is one, else microseconds."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Moment = Annotated[
    AwareDatetime,
    Field(strict=False),
    BeforeValidator(_only_rfc3339),
    AfterValidator(_as_utc),
    PlainSerializer(rfc3339, when_used="json", return_type=str),
]
"""A point in time; the offset is required on the wire (RFC 3339), UTC inside."""

Digest = Annotated[str, Field(pattern=DIGEST_PATTERN)]
"""An OCI content digest. SHA-256 only: it is what every registry and engine can check."""

KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A device key's name: the SHA-256 of its public half (SubjectPublicKeyInfo in DER, RFC 5280) in hex."""

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""A product or channel name: one topic level."""

HostId = Annotated[str, Field(pattern=HOST_PATTERN)]
"""A host's name in topics. Letters keep their case, as certificates' common names do."""

Text = Annotated[str, Field(max_length=limits.TEXT)]
"""Words for people."""

Short = Annotated[str, Field(min_length=1, max_length=256)]
"""A version, a label's value, a repository: short text."""

Sequence = Annotated[int, Field(ge=1, le=limits.SEQUENCE)]
"""A statement's place in its channel's history."""

Labels = Annotated[dict[Short, Short], Field(max_length=limits.ITEMS)]
"""Key-value pairs that describe a host or select hosts."""
