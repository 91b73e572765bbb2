"""Events: one CloudEvent (https://cloudevents.io, 1.0.2) for each step of an update, and for each answer.

Structured JSON on MQTT 3.1.1, binary mode on MQTT 5 (CloudEvents MQTT binding 1.0.2, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from tidegate_schemas import limits
from tidegate_schemas.base import Digest, HostId, Message, Moment, Name, Sequence, Short, Text
from tidegate_schemas.codes import Code
from tidegate_schemas.media_types import BINARY, STRUCTURED

if TYPE_CHECKING:
    from datetime import datetime

TYPE_PREFIX: Final = "dev.tidegate.update."


class Step(StrEnum):
    """What an event tells. The last six end an update.

    `answered` is about a request to the host; `damaged` is about its journal: a new one was begun. No host
    says `unknown`: it stands for a step that whoever listens does not know yet.
    """

    ACCEPTED = "accepted"
    WAITING = "waiting"
    STAGING = "staging"
    STAGED = "staged"
    ACTIVATING = "activating"
    REBOOTING = "rebooting"
    PROVING = "proving"
    ROLLING_BACK = "rolling-back"
    STALE = "stale"
    ANSWERED = "answered"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled-back"

    @property
    def final(self) -> bool:
        """Whether no further event of the same attempt follows."""
        return self in FINAL


FINAL: Final = frozenset(
    {Step.SUCCEEDED, Step.REJECTED, Step.FAILED, Step.SUPERSEDED, Step.CANCELLED, Step.ROLLED_BACK}
)


_OF_THE_HOST: Final = frozenset({Step.ANSWERED, Step.DAMAGED, Step.UNKNOWN})


class UpdateData(Message):
    """What happened, to which update, and why. Sizes in bytes, durations in seconds.

    Product and channel are there unless it is about the host as a whole: a request is answered that was, or
    the journal was damaged.
    """

    product: Name | None = None
    channel: Name | None = None
    step: Step
    sequence: Sequence | None = None
    digest: Digest | None = None
    version: Short | None = None
    attempt: Annotated[int, Field(ge=1)] | None = None
    percent: Annotated[int, Field(ge=0, le=100)] | None = None
    waiting_for: Short | None = None
    until: Moment | None = None
    code: Code | None = None
    reason: Text = ""
    details: Annotated[dict[Short, Text], Field(max_length=limits.ITEMS)] = {}
    previous_digest: Digest | None = None
    boot_id: Short | None = None
    durations: Annotated[dict[Short, float], Field(max_length=limits.ITEMS)] = {}
    bytes_fetched: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _says_which_channel(self) -> Self:
        if self.step not in _OF_THE_HOST and None in {self.product, self.channel}:
            message = "an update has a product and a channel"
            raise ValueError(message)
        return self


class UpdateEvent(Message):
    """The CloudEvent. `id` is stable for one (host, attempt, step): a redelivery is recognised by it."""

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Field(min_length=1, max_length=512)]
    source: Short
    type: Short
    subject: HostId
    time: Moment
    datacontenttype: Literal["application/json"] = "application/json"
    data: UpdateData

    @classmethod
    def told(cls, host: str, place: str, data: UpdateData, time: datetime) -> Self:
        """What a host tells; `place` is the end of its id, which is stable for one thing that happened."""
        return cls(
            id=f"{host}/{place}",
            source=f"/tidegate/hosts/{host}",
            type=TYPE_PREFIX + data.step.value,
            subject=host,
            time=time,
            data=data,
        )


@dataclass(frozen=True, slots=True)
class Encoded:
    """An event ready for one protocol version."""

    payload: bytes
    content_type: str
    properties: tuple[tuple[str, str], ...]


def encode(event: UpdateEvent, *, binary: bool) -> Encoded:
    """Encode for MQTT 5 (`binary`: attributes as user properties) or for 3.1.1 (structured JSON)."""
    if not binary:
        return Encoded(event.to_json(), STRUCTURED, ())
    attributes = event.model_dump(mode="json", exclude={"data", "datacontenttype"}, exclude_none=True)
    return Encoded(
        event.data.to_json(), BINARY, tuple((key, str(value)) for key, value in attributes.items())
    )


def decode(payload: bytes, properties: tuple[tuple[str, str], ...] = ()) -> UpdateEvent:
    """Read an event in either mode.

    Raises:
        pydantic.ValidationError: it is no event of this contract.
    """
    attributes = dict(properties)
    if "specversion" not in attributes:
        return UpdateEvent.model_validate_json(payload)
    data = UpdateData.model_validate_json(payload)
    return UpdateEvent.model_validate({**attributes, "data": data}, strict=False)
