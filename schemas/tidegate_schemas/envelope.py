"""Host-signed events: a CloudEvent in a DSSE v1 envelope under the host's device key.

The payload is the whole event as structured JSON, in every protocol version: nothing that is believed may
stand in MQTT's properties, which no signature covers. Whether a message is signed is told by its content
alone: a JSON object with a member `payloadType` is an envelope and has to be a strict one; anything else is
unsigned.

Source: https://github.com/secure-systems-lab/dsse, envelope.md and protocol.md, version 1.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from tidegate_schemas import jsontext, limits
from tidegate_schemas.base import KeyId
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import UpdateEvent
from tidegate_schemas.media_types import STRUCTURED

PAYLOAD_TYPE: Final = STRUCTURED
"""What an envelope holds. It is part of what is signed."""

EVENT_BYTES: Final = limits.STATEMENT_BYTES // 4 * 3 - 1024
"""The largest event that fits, in base64 and with the envelope around it, into the largest message."""


class EventSignatureError(TidegateError):
    """An event that is not signed by the key that it should be signed by: EVENT_SIGNATURE."""

    def __init__(self, reason: str) -> None:
        super().__init__(Code.EVENT_SIGNATURE, reason)


def _decode(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError("base64 text expected")  # noqa: TRY004 - pydantic turns only a ValueError into a fault
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64") from error
    # Stray bits and missing padding would give one signature several spellings (RFC 4648, section 3.5).
    if base64.b64encode(decoded).decode() != value:
        raise ValueError("base64 with stray bits")
    return decoded


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()


Base64 = Annotated[
    bytes,
    BeforeValidator(_decode),
    PlainSerializer(_encode, when_used="json", return_type=str),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]
"""Bytes; RFC 4648 section 4, canonical."""


class _Strict(BaseModel):
    """DSSE lets readers ignore unknown fields; here they are refused, so that a message has one reading."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class DeviceSignature(_Strict):
    """ECDSA over P-256 with SHA-256, DER. `keyid` says which key it was: a hint, never a proof."""

    keyid: KeyId
    sig: Annotated[Base64, Field(min_length=8, max_length=72)]


class EventEnvelope(_Strict):
    """One event under one device key."""

    payload: Annotated[Base64, Field(min_length=1, max_length=EVENT_BYTES)]
    payload_type: Literal["application/cloudevents+json"]
    signatures: Annotated[tuple[DeviceSignature, ...], Field(strict=False, min_length=1, max_length=1)]

    @property
    def signature(self) -> DeviceSignature:
        """The only one."""
        return self.signatures[0]

    def to_json(self) -> bytes:
        """The envelope as compact JSON."""
        return self.model_dump_json().encode()


def seal(payload: bytes, keyid: str, sig: bytes) -> bytes:
    """An envelope around an event that was signed: the message to be sent."""
    signature = DeviceSignature(keyid=keyid, sig=sig)
    return EventEnvelope(payload=payload, payload_type=PAYLOAD_TYPE, signatures=(signature,)).to_json()


def read_envelope(raw: bytes) -> EventEnvelope | None:
    """Read a message as an envelope; None when it is none and so not signed. Nothing is verified here.

    Raises:
        EventSignatureError: it claims to be one, and is malformed.
    """
    if b"payloadType" not in raw and b"\\u" not in raw:
        # Nearly all that is not signed: an object can have that key by no other bytes (RFC 8259, section 7).
        return None
    try:
        content = jsontext.parse(raw)
    except jsontext.JsonError:
        return None
    if not isinstance(content, dict) or "payloadType" not in content:
        return None
    try:
        return EventEnvelope.model_validate_json(raw)
    except ValueError as error:
        raise EventSignatureError("it is no DSSE envelope with one event and one signature") from error


def read_event(payload: bytes) -> UpdateEvent:
    """Read an envelope's payload as an event.

    Raises:
        EventSignatureError: it is none. Its signature, if that was verified, is not to blame.
    """
    try:
        jsontext.parse(payload)
        return UpdateEvent.model_validate_json(payload)
    # A ValueError of pydantic, a JsonError of jsontext.
    except (ValueError, jsontext.JsonError) as error:
        raise EventSignatureError("what the envelope holds is no event of this contract") from error
