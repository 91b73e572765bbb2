"""What the agent and its verifying child say to each other: one request in, one answer out, as JSON."""

from __future__ import annotations

import base64
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from tidegate_schemas import limits
from tidegate_schemas.base import Form, Moment, Text
from tidegate_schemas.codes import Code

MESSAGE_BYTES: Final = 256 * 1024
"""The largest request or answer: a message of the largest size in base64, and room for names."""


class TrustedSigner(Form):
    """One signer of the policy."""

    identity: str
    issuer: str


class VerifyRequest(Form):
    """What to verify, by what.

    Attributes:
        message: the message from the broker, base64.
        root: the path of a trusted root, or `default`.
        signers: any one of them may have signed.
        product: the follow's product.
        channel: the follow's channel.
    """

    message: str
    root: str
    signers: tuple[TrustedSigner, ...]
    product: str
    channel: str


def _require_base64(text: str) -> str:
    to_bytes(text)
    return text


class Genuine(Form):
    """The answer to a genuine message; `payload` is the signed content, base64."""

    ok: Literal[True] = True
    payload: Annotated[str, Field(max_length=2 * limits.STATEMENT_BYTES), AfterValidator(_require_base64)]
    identity: str
    issuer: str
    signed_at_least: Moment


class Refused(Form):
    """The answer to anything else."""

    ok: Literal[False] = False
    code: Code
    reason: Text


Answer = Genuine | Refused
ANSWER: Final[TypeAdapter[Answer]] = TypeAdapter(Annotated[Answer, Field(discriminator="ok")])
"""Reads an answer."""


def to_text(data: bytes) -> str:
    """Bytes for a JSON message."""
    return base64.b64encode(data).decode()


def to_bytes(text: str) -> bytes:
    """The way back. Raises ValueError when it is not base64."""
    return base64.b64decode(text, validate=True)
