"""What the agent and its refreshing child say to each other: one request in, one answer out, as JSON."""

from __future__ import annotations

import base64
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from tidegate_schemas.base import Form, Moment, Text
from tidegate_wire.trust.root import ROOT_BYTES

MESSAGE_BYTES: Final = 2 * ROOT_BYTES
"""The largest request or answer: a root of the largest size in base64, and room for the rest."""

Role = Literal["root", "timestamp", "snapshot", "targets"]
ROLES: Final[tuple[Role, ...]] = ("root", "timestamp", "snapshot", "targets")
"""The top-level roles of a TUF repository."""

Version = Annotated[int, Field(ge=1)]


class Seen(Form):
    """What a repository's metadata said when it was accepted.

    Attributes:
        versions: of each role.
        expires: of each role.
        online_keys: the ids of the keys that sign timestamp and snapshot, sorted.
    """

    versions: dict[Role, Version]
    expires: dict[Role, Moment]
    online_keys: tuple[str, ...]


class RefreshRequest(Form):
    """What to refresh, and how.

    Attributes:
        url: the repository; targets are below it in `targets/`.
        root: the path of its first root.json.
        target: the trusted root's name in it.
        folder: the child's own: the metadata is kept here, and nothing is written elsewhere.
        seconds: for all downloads together.
        now: no earlier than this it is.
        seen: what was accepted last; older metadata is a rollback.
        proxy: the URL of a proxy.
        ca_file: PEM file in place of the system's certificate authorities.
    """

    url: str
    root: str
    target: str
    folder: str
    seconds: float
    now: Moment
    seen: Seen | None = None
    proxy: str | None = None
    ca_file: str | None = None


def _require_base64(text: str) -> str:
    to_bytes(text)
    return text


class Refreshed(Form):
    """The answer when all is well; `root` is the trusted root, base64; `mended` names damaged files."""

    ok: Literal[True] = True
    root: Annotated[str, AfterValidator(_require_base64)]
    seen: Seen
    mended: tuple[str, ...] = ()


class NotRefreshed(Form):
    """The answer when anything is not."""

    ok: Literal[False] = False
    reason: Text


Answer = Refreshed | NotRefreshed
ANSWER: Final[TypeAdapter[Answer]] = TypeAdapter(Annotated[Answer, Field(discriminator="ok")])
"""Reads an answer."""


def to_text(data: bytes) -> str:
    """Bytes for a JSON message."""
    return base64.b64encode(data).decode()


def to_bytes(text: str) -> bytes:
    """The way back. Raises ValueError when it is not base64."""
    return base64.b64decode(text, validate=True)
