"""The pinned trusted root: whose keys are believed, and from when to when.

Only the windows are read here; keys and certificates stay as they are, for sigstore-python to read. A root
is a file that was put on the host (sigstore protobuf-specs, sigstore_trustroot.proto), or `public-good`: the
root of Sigstore's own instance, shipped inside the sigstore wheel. That one is read as package data, because
the library's way to it (`ClientTrustConfig.production`) copies it through HOME and asks the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from tidegate_schemas import jsontext
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import first_fault

if TYPE_CHECKING:
    from datetime import datetime

ROOT_BYTES: Final = 256 * 1024
"""The largest trusted root that is read; the public-good root has 7 KiB."""

PUBLIC_GOOD: Final = "public-good"
"""Names the public-good root in place of a path."""

_EMBEDDED: Final = ("_store", "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev", "trusted_root.json")


class RootError(TidegateError):
    """The trusted root cannot be had: TRUST_ROOT_MISSING."""

    def __init__(self, reason: str) -> None:
        super().__init__(Code.TRUST_ROOT_MISSING, reason)


class _Part(BaseModel):
    # Unknown fields are kept: the root is the host's own file, and sigstore-python is strict.
    model_config = ConfigDict(frozen=True, extra="allow", alias_generator=to_camel)


class Window(_Part):
    """From when to when something was valid, both ends included (TimeRange); no end means until today."""

    start: AwareDatetime
    end: AwareDatetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether it was valid at that moment."""
        return self.start <= moment and (self.end is None or moment <= self.end)


class _PublicKey(_Part):
    valid_for: Window | None = None


class _Log(_Part):
    public_key: _PublicKey


class _Authority(_Part):
    valid_for: Window


class _Root(_Part):
    media_type: str
    tlogs: list[_Log]
    certificate_authorities: list[_Authority]
    ctlogs: list[_Log]
    timestamp_authorities: list[_Authority] = Field(default=[])


@dataclass(frozen=True, slots=True)
class TrustedParty:
    """One authority or log of the root: its message as JSON data, and its window; None means always."""

    content: dict[str, Any]
    window: Window | None

    def valid_at(self, moments: frozenset[datetime]) -> bool:
        """Whether it was valid at every one of these moments."""
        return self.window is None or all(self.window.holds(moment) for moment in moments)

    @property
    def log_id(self) -> str:
        """A log's id as base64, by which entries name it."""
        return str(self.content["logId"]["keyId"])


@dataclass(frozen=True, slots=True)
class PinnedRoot:
    """A trusted root as it was read.

    Attributes:
        origin: where it comes from, for sentences.
        media_type: of the message.
        certificate_authorities: Fulcio.
        ctlogs: the certificate transparency logs.
        tlogs: Rekor.
        timestamp_authorities: RFC 3161.
    """

    origin: str
    media_type: str
    certificate_authorities: tuple[TrustedParty, ...]
    ctlogs: tuple[TrustedParty, ...]
    tlogs: tuple[TrustedParty, ...]
    timestamp_authorities: tuple[TrustedParty, ...]


def load_root(where: str | Path) -> PinnedRoot:
    """Read a trusted root from a file, or the public-good one for the word `public-good`.

    Raises:
        RootError: it cannot be read, is too large, or is no trusted root.
    """
    return parse_root(read_root(where), origin_of(where))


def origin_of(where: str | Path) -> str:
    """A root's place, in words."""
    return "the public-good root in the sigstore package" if where == PUBLIC_GOOD else str(where)


def read_root(where: str | Path) -> bytes:
    """The bytes of a trusted root, for `parse_root`; at most one more than it takes.

    Raises:
        RootError: it cannot be read.
    """
    if where == PUBLIC_GOOD:
        return _embedded()
    try:
        with Path(where).open("rb") as file:
            return file.read(ROOT_BYTES + 1)
    except OSError as error:
        raise RootError(f"the trusted root {where} cannot be read: {error.strerror}") from error


def parse_root(raw: bytes, origin: str) -> PinnedRoot:
    """Read a `trusted_root.json`.

    Raises:
        RootError: it is too large or is no trusted root.
    """
    try:
        content = jsontext.parse(raw, ROOT_BYTES)
        read = _Root.model_validate(content)
    except ValidationError as error:
        raise RootError(f"{origin} is not a trusted root: {first_fault(error)}") from error
    except TidegateError as error:
        raise RootError(f"{origin} is not a trusted root: {error.reason}") from error
    parts: dict[str, Any] = dict(content) if isinstance(content, dict) else {}
    return PinnedRoot(
        origin,
        read.media_type,
        _parties(parts, "certificateAuthorities", [one.valid_for for one in read.certificate_authorities]),
        _parties(parts, "ctlogs", [one.public_key.valid_for for one in read.ctlogs]),
        _parties(parts, "tlogs", [one.public_key.valid_for for one in read.tlogs]),
        _parties(parts, "timestampAuthorities", [one.valid_for for one in read.timestamp_authorities]),
    )


def _parties(parts: dict[str, Any], name: str, windows: list[Any]) -> tuple[TrustedParty, ...]:
    return tuple(map(TrustedParty, parts.get(name, []), windows))


def _embedded() -> bytes:
    try:
        return resources.files("sigstore").joinpath(*_EMBEDDED).read_bytes()
    except (OSError, ImportError) as error:
        text = "the installed sigstore package holds no public-good root; name a trusted_root.json instead"
        raise RootError(text) from error
