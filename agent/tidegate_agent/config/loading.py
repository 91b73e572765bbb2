"""From files to settings, and back to a person: what is in force, and where it came from."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretStr, ValidationError

from tidegate_agent.amounts import ByteCount
from tidegate_agent.config.fragments import DIRECTORIES, FILE_NAME, Merged, find, read
from tidegate_agent.config.keys import Location, key_path, known_keys
from tidegate_agent.config.problems import InvalidConfigError, Problem, translate
from tidegate_agent.config.scalars import format_duration
from tidegate_agent.config.settings import Settings
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_agent.config.events import EventsSettings
    from tidegate_agent.config.trust import TrustSettings


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force; `origins` names the file of every value that a file set, by key path."""

    settings: Settings
    origins: Mapping[str, Path]
    files: tuple[Path, ...]


def load(directories: tuple[Path, ...] = DIRECTORIES) -> Loaded:
    """Read, merge and check the configuration.

    Args:
        directories: where to look, in ascending precedence. Files named instead are read after all of them.

    Raises:
        InvalidConfigError: lists everything that is wrong.
    """
    named = [entry for entry in directories if not entry.is_dir() and entry.exists()]
    files = [*find(tuple(entry for entry in directories if entry not in named)), *named]
    if not files:
        places = ", ".join(str(directory / FILE_NAME) for directory in directories)
        raise InvalidConfigError(
            [Problem(Code.CONFIG_MISSING, None, (), f"no configuration in any of {places}")]
        )
    contents = [(file, read(file)) for file in files]
    unreadable = [content for _, content in contents if isinstance(content, Problem)]
    if unreadable:
        raise InvalidConfigError(unreadable)
    merged = Merged()
    for file, content in contents:
        if isinstance(content, dict):
            merged.add(content, file)
    try:
        settings = Settings.model_validate(merged.tree)
    except ValidationError as error:
        raise InvalidConfigError(translate(error.errors(), Settings, merged.origins, files)) from None
    origins = {key_path(location): file for location, file in merged.origins.items()}
    return Loaded(settings, origins, tuple(files))


def warnings(loaded: Loaded) -> list[str]:
    """What works but should not stay so, each a sentence for a person."""
    found = list(loaded.settings.bus.warnings)
    secret = loaded.origins.get("bus.password")
    if secret is not None and secret.stat().st_mode & stat.S_IROTH:
        found.append(
            f"{secret} holds bus.password and everybody may read it; use password_file, or chmod o-r."
        )
    found += [*_signer_warnings(loaded.settings), *_root_warnings(loaded.settings.trust)]
    found += _download_warnings(loaded.settings)
    return found + list(_key_warnings(loaded.settings.events))


def _download_warnings(settings: Settings) -> Iterator[str]:
    if settings.download.rate is not None:
        for follow in settings.follow:
            if not follow.fetches_itself:
                yield (
                    f"{follow.follow.key}: download.rate does not hold for it: {follow.engine} fetches by its"
                    " own tool. Budget and metered networks do hold."
                )


def _signer_warnings(settings: Settings) -> Iterator[str]:
    # On GitHub, any repository may call a reusable workflow of a public one, and is then "the workflow".
    for follow in settings.follow:
        for signer in (*follow.signers, *follow.image_signers):
            pinned = signer.source_repository or signer.source_repository_id or signer.source_owner_id
            if any("actions.githubusercontent.com" in issuer for issuer in signer.issuer) and not pinned:
                yield (
                    f"{follow.follow.key}: {signer.name or 'a signer'} on GitHub is named without"
                    " source_repository_id; whoever may call its workflow from another repository can sign."
                )


def _key_warnings(events: EventsSettings) -> Iterator[str]:
    # Not an error: a host whose key is lost still has to be updated, if only to mend that.
    key = events.device_key
    if key is None:
        return
    try:
        mode = stat.S_IMODE(key.stat().st_mode)
    except OSError as error:
        yield f"events.device_key: {key} cannot be read ({error.strerror}); events wait until it can."
        return
    if mode & stat.S_IRWXO:
        yield f"events.device_key: others can use {key} (mode {mode:04o}); events wait until chmod 600."


def _root_warnings(trust: TrustSettings) -> Iterator[str]:
    if trust.tuf is not None:
        yield from trust.tuf.warnings
        yield from _file_warnings("trust.tuf.root", trust.tuf.root, "the repository's root.json")
    elif isinstance(trust.root, Path):
        yield from _file_warnings("trust.root", trust.root, "a trusted_root.json")


def _file_warnings(key: str, file: Path, wanted: str) -> Iterator[str]:
    # Not an error: an image may bring the file later, and until then every statement is refused.
    try:
        json.loads(file.read_bytes())
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except ValueError:
        problem = "is not JSON"
    else:
        return
    yield f"{key}: {file} {problem}; every statement is refused until it is {wanted}."


def explain(loaded: Loaded) -> list[str]:
    """One line for each setting: key, value, and the file or that it is the default. Secrets are masked."""
    lines = []
    for location, value in _leaves(loaded.settings, ()):
        key = key_path(location)
        origin = loaded.origins.get(key)
        lines.append(f"{key} = {show(value)}  # {origin or 'default'}")
    return lines


def show(value: Any) -> str:  # noqa: ANN401 # whatever a setting can be
    """A value as it is written in TOML; for None, which TOML lacks, a word."""
    match value:
        case None:
            text = "(not set)"
        case SecretStr():
            text = '"***"'
        case timedelta():
            text = f'"{format_duration(value)}"'
        case date():
            text = value.isoformat()
        case ByteCount():
            text = f'"{value}"'
        case tuple():
            text = f"[{', '.join(show(item) for item in value)}]"
        case Path() | ZoneInfo():
            text = json.dumps(str(value), ensure_ascii=False)
        case _:
            text = json.dumps(value, ensure_ascii=False)
    return text


def _leaves(value: Any, at: Location) -> Iterator[tuple[Location, Any]]:  # noqa: ANN401 # as above
    """Every setting below a value."""
    if isinstance(value, BaseModel):
        names = {info.alias or name: name for name, info in type(value).model_fields.items()}
        for key in known_keys(type(value)):
            yield from _leaves(getattr(value, names[key]), (*at, key))
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        for index, item in enumerate(value):
            yield from _leaves(item, (*at, index))
    elif isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*at, key))
    else:
        yield at, value
