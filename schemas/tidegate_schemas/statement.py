"""The channel statement: the whole truth about one channel, in one signed message.

An in-toto Statement v1 (https://github.com/in-toto/attestation, spec/v1/statement.md) whose one subject is
the image's digest. It travels as DSSE envelope in a Sigstore bundle v0.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from tidegate_schemas import jsontext, limits
from tidegate_schemas.base import Digest, Labels, Message, Moment, Name, Sequence, Short, Text
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import Rollout, Urgency

if TYPE_CHECKING:
    from collections.abc import Mapping

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://tidegate.dev/channel/v1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"

S = TypeVar("S", bound=Message)


class StatementError(TidegateError):
    """Signed content that is not a channel statement this version can act on."""


class Subject(Message):
    """What the statement speaks of. The name is optional (in-toto v1): cosign leaves it out."""

    name: str | None = Field(default=None, max_length=limits.TEXT)
    digest: Annotated[dict[str, str], Field(max_length=limits.ITEMS)]

    @property
    def sha256(self) -> str:
        """The subject's digest in OCI form, `sha256:…`."""
        return f"sha256:{self.digest['sha256']}"

    @model_validator(mode="after")
    def _has_sha256(self) -> Self:
        value = self.digest.get("sha256", "")
        if len(value) != 64 or not set(value) <= set("0123456789abcdef"):  # noqa: PLR2004 - hex SHA-256
            message = "the subject has no sha256 digest"
            raise ValueError(message)
        return self


class Image(Message):
    """Where the image can be pulled from; the digest is the subject's.

    `platforms` maps an architecture to its manifest's digest when the subject is an index.
    """

    references: Annotated[tuple[Short, ...], Field(min_length=1, max_length=16)]
    platforms: Annotated[dict[Short, Digest], Field(max_length=limits.ITEMS)] = {}


class Requires(Message):
    """What a host must have. An empty requirement is met by all."""

    arch: Annotated[tuple[Short, ...], Field(max_length=limits.ITEMS)] = ()
    labels: Labels = {}
    minimum_sequence: Sequence | None = None

    def met_by(self, labels: Mapping[str, str] | None, arch: str | None) -> bool:
        """Whether a host has these labels and this architecture, as far as they are known: None is not."""
        fits = not self.arch or arch is None or arch in self.arch
        return fits and (
            labels is None or all(labels.get(key) == value for key, value in self.labels.items())
        )


class ChannelPredicate(Message):
    """Everything a host decides by."""

    product: Name
    channel: Name
    sequence: Sequence
    issued_at: Moment
    expires: Moment
    image: Image
    version: Short
    notes: Text = ""
    requires: Requires = Requires()
    rollout: Rollout
    urgency: Urgency = Urgency.ROUTINE
    deadline: Moment | None = None
    floor: Annotated[int, Field(ge=0, le=limits.SEQUENCE)] = 0
    critical: Annotated[tuple[Short, ...], Field(max_length=limits.ITEMS)] = ()

    @model_validator(mode="after")
    def _order_of_times(self) -> Self:
        if self.expires <= self.issued_at:
            message = "expires is not after issuedAt"
            raise ValueError(message)
        if self.floor > self.sequence:
            message = "floor is above the statement's own sequence"
            raise ValueError(message)
        return self


class ChannelStatement(Message):
    """The signed payload as a whole."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=1)]
    predicate_type: Literal["https://tidegate.dev/channel/v1"] = PREDICATE_TYPE
    predicate: ChannelPredicate

    @property
    def digest(self) -> str:
        """The image's digest."""
        return self.subject[0].sha256


def parse_statement(payload: bytes) -> ChannelStatement:
    """Read a signed payload as a channel statement (step 4 of the order of verification).

    Raises:
        JsonError: it is too large, too deep or not JSON.
        StatementError: STATEMENT_TYPE, STATEMENT_SCHEMA or STATEMENT_CRITICAL.
    """
    statement = parse_signed(payload, ChannelStatement, PREDICATE_TYPE)
    check_critical(statement.predicate, statement.predicate.critical)
    return statement


def parse_signed(payload: bytes, form: type[S], predicate_type: str) -> S:
    """Read a signed payload as an in-toto statement of this form, and no other.

    Raises:
        JsonError: it is too large, too deep or not JSON.
        StatementError: STATEMENT_TYPE or STATEMENT_SCHEMA.
    """
    content = jsontext.parse(payload)
    if not isinstance(content, dict):
        raise StatementError(Code.STATEMENT_SCHEMA, "the signed content is not a JSON object")
    for field, wanted in (("_type", STATEMENT_TYPE), ("predicateType", predicate_type)):
        if content.get(field) != wanted:
            found = str(content.get(field))[:120]
            raise StatementError(Code.STATEMENT_TYPE, f"{field} is {found!r}, not {wanted!r}")
    try:
        # By the names of the wire alone: a field spelled twice could be read in two ways.
        return form.model_validate_json(payload, by_name=False)
    except ValidationError as error:
        raise StatementError(Code.STATEMENT_SCHEMA, first_fault(error)) from error


def check_critical(predicate: Message, critical: tuple[str, ...]) -> None:
    """Refuse a predicate that says of a field that it must be understood, when it is not known here.

    Raises:
        StatementError: STATEMENT_CRITICAL.
    """
    known = {field.alias or name for name, field in type(predicate).model_fields.items()}
    for name in critical:
        if name not in known:
            raise StatementError(Code.STATEMENT_CRITICAL, f"this version does not know the field {name!r}")


def first_fault(error: ValidationError) -> str:
    """The first fault of a validation in one sentence: which field, and what is wrong with it.

    A stranger may have chosen the field's name: no control character of it gets into the sentence.
    """
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in fault["loc"])[:120] or "the whole"
    place = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in place)
    more = error.error_count() - 1
    said = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {said[:200]}" + (f" (and {more} more)" if more else "")
