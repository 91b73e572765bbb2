"""Which files a configuration folder is to hold, with which modes."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from tidegate_agent.config.fragments import FILE_NAME
from tidegate_agent.enrolment.references import holds_secret, with_files
from tidegate_agent.enrolment.toml_text import to_toml
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tidegate_agent.enrolment.entry import Entry

DROP_INS: Final = f"{FILE_NAME}.d"

OPEN_MODE: Final = 0o644
CLOSED_MODE: Final = 0o600

_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----")
_PUBLIC_PEM: Final = {b"CERTIFICATE", b"PUBLIC KEY", b"TRUSTED CERTIFICATE", b"X509 CRL"}
_PUBLIC_MEDIA: Final = "application/vnd.dev.sigstore.trustedroot"


@dataclass(frozen=True, slots=True)
class Planned:
    """A file to be.

    Attributes:
        content: its bytes.
        mode: its permissions.
        origin: the source, for messages.
    """

    content: bytes = field(repr=False)
    mode: int
    origin: str


def plan(entries: Sequence[Entry], folder: Path) -> dict[PurePosixPath, Planned]:
    """The files of a configuration folder, by their place in it.

    `agent.toml` and the other files lie there under their names, other settings in `agent.toml.d`. Where a
    setting is the bare name of one of these files, its whole path takes its place.

    Raises:
        ConfigError: CONFIG_SYNTAX, settings that are not TOML.
    """
    files = {each.name: str(folder / each.name) for each in entries if not each.is_settings}
    return {_place(each): _planned(each, files) for each in entries}


def _place(entry: Entry) -> PurePosixPath:
    if entry.is_settings and entry.name != FILE_NAME:
        return PurePosixPath(DROP_INS, entry.name)
    return PurePosixPath(entry.name)


def _planned(entry: Entry, files: Mapping[str, str]) -> Planned:
    if not entry.is_settings:
        public = not entry.secret and _is_public(entry.content)
        return Planned(entry.content, OPEN_MODE if public else CLOSED_MODE, entry.origin)
    tree = read_settings(entry.content, entry.origin)
    moved = with_files(tree, files)
    # As its author wrote it, with his comments, unless something has to change.
    content = entry.content if moved == tree else to_toml(moved).encode()
    closed = entry.secret or holds_secret(tree)
    return Planned(content, CLOSED_MODE if closed else OPEN_MODE, entry.origin)


def read_settings(content: bytes, origin: str) -> dict[str, Any]:
    """Settings in TOML.

    Raises:
        ConfigError: CONFIG_SYNTAX.
    """
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        reason = f"{origin}: is not UTF-8 (at line {line})"
        raise ConfigError(Code.CONFIG_SYNTAX, reason) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(Code.CONFIG_SYNTAX, f"{origin}: is not TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(Code.CONFIG_SYNTAX, f"{origin}: is nested too deeply") from error


def _is_public(content: bytes) -> bool:
    """Whether everybody may read it, as far as can be told; what is not known is secret."""
    labels = set(_PEM.findall(content))
    if labels:
        return labels <= _PUBLIC_PEM
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict):
        return False
    signed = document.get("signed")
    is_tuf = isinstance(signed, dict) and signed.get("_type") == "root"
    return is_tuf or str(document.get("mediaType")).startswith(_PUBLIC_MEDIA)
