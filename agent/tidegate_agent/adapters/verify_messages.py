"""What the agent and its verifying child say to each other: one request in, one answer out, as JSON."""

from __future__ import annotations

import base64
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from tidegate_schemas import limits
from tidegate_schemas.base import Form, Moment, Text
from tidegate_schemas.codes import Code
from tidegate_wire.trust.policy import ATTACHMENT_BYTES, MAX_ATTACHMENTS, ImagePolicy, SignerPolicy

ANSWER_BYTES: Final = 256 * 1024
"""The largest answer: a payload of the largest size in base64, and room for names."""

REQUEST_BYTES: Final = 2 * (2 * MAX_ATTACHMENTS * ATTACHMENT_BYTES)
"""The largest request: all of an image's bundles and simple payloads, in base64, and room for names."""


def _require_base64(text: str) -> str:
    to_bytes(text)
    return text


Content = Annotated[str, AfterValidator(_require_base64)]
"""Bytes, base64."""


class _AboutMessage(Form):
    message: Content
    policy: SignerPolicy

    @property
    def with_keys(self) -> bool:
        """Whether key pairs are trusted, and no certificates."""
        return self.policy.with_keys


class AboutStatement(_AboutMessage):
    """Is this message a genuine statement of that channel?"""

    kind: Literal["statement"] = "statement"
    product: str
    channel: str


class AboutRequest(_AboutMessage):
    """Is this message a genuine request to that host?"""

    kind: Literal["request"] = "request"
    host: str


class AboutImage(Form):
    """Is the image signed by what was found attached to it?

    `simple` holds payloads and signatures in the form of cosign 2, for key pairs.
    """

    kind: Literal["image"] = "image"
    bundles: tuple[Content, ...]
    simple: tuple[tuple[Content, Content], ...]
    policy: ImagePolicy
    digest: str

    @property
    def with_keys(self) -> bool:
        """Whether key pairs are trusted, and no certificates."""
        return self.policy.signers.with_keys


Subject = AboutStatement | AboutRequest | AboutImage


class VerifyRequest(Form):
    """What to verify, and by what: `root` is a trusted root's path, or `public-good`; None without one."""

    about: Annotated[Subject, Field(discriminator="kind")]
    root: str | None = None


class SignerName(Form):
    """Somebody who signed."""

    identity: str
    issuer: str


class Genuine(Form):
    """The answer to what is genuine. `payload` is the signed content; empty for images."""

    ok: Literal[True] = True
    payload: Annotated[Content, Field(max_length=2 * limits.STATEMENT_BYTES)] = ""
    signers: Annotated[tuple[SignerName, ...], Field(min_length=1)]
    enough: bool
    signed_at_least: Moment | None = None


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
