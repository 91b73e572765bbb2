"""One named thing out of a source: settings, or a file that settings refer to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterable

VALUE_BYTES: Final = 1024 * 1024
"""The largest value: what Kubernetes allows a ConfigMap as a whole, and the loader a file."""

TOTAL_BYTES: Final = 4 * 1024 * 1024
"""All sources together."""

MAX_ENTRIES: Final = 128

RECORD_NAME: Final = ".enrolled.json"
"""What enrolment remembers of itself, in the configuration folder."""

SETTINGS: Final = ".toml"
DOCUMENTS: Final = (".yaml", ".yml")

# What Kubernetes allows as a key of a ConfigMap, but for names that other programs hide from or reserve.
_NAME: Final = re.compile(r"(?!\.\.)(?!\.\Z)[A-Za-z0-9._-]{1,253}", re.ASCII)
_RESERVED: Final = {RECORD_NAME, "agent.toml.d"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A name and its content.

    Attributes:
        name: as a file name; `*.toml` are settings.
        content: the bytes.
        origin: where it came from, for messages.
        secret: whether its source says so.
    """

    name: str
    content: bytes
    origin: str
    secret: bool = False

    @property
    def is_settings(self) -> bool:
        """Whether it is read as configuration, and not by somebody whom the configuration sends there."""
        return self.name.endswith(SETTINGS)


def require_name(name: str, origin: str) -> None:
    """Require a name that can be a file's, and nothing else than a file's in one folder.

    Raises:
        ConfigError: CONFIG_VALUE.
    """
    if _NAME.fullmatch(name) is None:
        reason = f"{origin}: {name[:64]!r} cannot be a file's name: use letters, digits, '-', '_' and '.'"
        raise ConfigError(Code.CONFIG_VALUE, reason)
    if name.startswith(".") and name.endswith((SETTINGS, *DOCUMENTS)):
        reason = f"{origin}: {name} begins with a dot: the agent would not read it; choose another name"
        raise ConfigError(Code.CONFIG_VALUE, reason)
    if name in _RESERVED:
        raise ConfigError(Code.CONFIG_VALUE, f"{origin}: the name {name} is the agent's own; choose another")


def require_distinct(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Require that no name comes twice, and that it is not too much.

    Raises:
        ConfigError: CONFIG_VALUE.
    """
    found: dict[str, Entry] = {}
    size = 0
    for entry in entries:
        require_name(entry.name, entry.origin)
        if entry.name in found:
            first = found[entry.name].origin
            reason = f"{entry.name} is in {first} and in {entry.origin}: only one can count, remove the other"
            raise ConfigError(Code.CONFIG_VALUE, reason)
        size += len(entry.content)
        if len(entry.content) > VALUE_BYTES or size > TOTAL_BYTES or len(found) == MAX_ENTRIES:
            reason = (
                f"{entry.origin}: {entry.name} is too much: a value may have 1 MiB, all of them 4 MiB,"
                f" and there may be {MAX_ENTRIES}"
            )
            raise ConfigError(Code.CONFIG_VALUE, reason)
        found[entry.name] = entry
    return tuple(found.values())
