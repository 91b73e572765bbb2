"""The release file: from YAML and flags to a Release; errors name line, key and what was expected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from tidegate_publisher.durations import parse_duration
from tidegate_publisher.release_faults import Fault, faults_of, spell, tell
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.release import Release
from tidegate_wire.yaml_document import YamlDocument, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate_wire.yaml_document import Path

_DURATIONS: Final = frozenset(
    {"expires_in", "expiresIn", "soak", "timeout", "after", "widen_every", "widenEvery"}
)
_FREE: Final = frozenset({"labels"})
"""Maps whose keys a person chooses."""
_NONE: Final = frozenset({"0", "0s", "PT0S"})
"""No time at all: for a soak, and nothing else takes it."""
_LONG: Final = frozenset({"expires_in", "expiresIn", "timeout"})
"""Durations that nobody gives in seconds."""


def load_release(
    raw: bytes,
    name: str,
    overrides: Mapping[str, object] | None = None,
    otherwise: Mapping[str, object] | None = None,
) -> Release:
    """Read a release file.

    Args:
        raw: the file's bytes.
        name: what to call the file in messages.
        overrides: values from flags, by key (`sequence`) or dotted path (`rollout.state`); they win.
        otherwise: values for keys that are given nowhere else.

    Raises:
        TidegateError: CONFIG_SYNTAX for bad YAML, RELEASE_INVALID for all else.
    """
    document = read_yaml(raw, name)
    content = document.content
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise _invalid(f"{document.place(())}: expected keys and values (`product: os`), not a list or text")
    merged = {**(otherwise or {}), **_merge(content, overrides or {}, document)}
    faults: list[Fault] = []
    readable = _with_durations(merged, faults)
    faults += _twins(merged)
    try:
        # Through JSON, because strict models take text for moments and lists for tuples from JSON only.
        release = Release.model_validate_json(json.dumps(readable))
    except ValidationError as error:
        raise _invalid(tell([*faults_of(error, document), *faults], document)) from error
    if faults:
        raise _invalid(tell(faults, document))
    return release


def _merge(
    content: dict[str, Any], overrides: Mapping[str, object], document: YamlDocument
) -> dict[str, Any]:
    merged = dict(content)
    for path, value in overrides.items():
        *parents, key = path.split(".")
        level = merged
        for parent in parents:
            inner = level.get(parent, {})
            if not isinstance(inner, dict):
                raise _invalid(f"{document.place((parent,))}: {parent}: expected keys and values below it")
            level[parent] = dict(inner)
            level = level[parent]
        level.pop(_camel(key), None)
        level[key] = value
    return merged


def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _with_durations(content: dict[str, Any], faults: list[Fault], path: Path = ()) -> dict[str, Any]:
    converted = dict(content)
    for key, value in content.items():
        here: Path = (*path, key)
        if isinstance(value, dict) and key not in _FREE:
            converted[key] = _with_durations(value, faults, here)
        elif isinstance(value, list):
            converted[key] = [
                _with_durations(one, faults, (*here, place)) if isinstance(one, dict) else one
                for place, one in enumerate(value)
            ]
        elif key in _DURATIONS:
            converted[key] = _iso(value, faults, here)
    return converted


def _iso(value: object, faults: list[Fault], path: Path) -> str:
    # A number alone is refused as text is: nobody can tell its unit.
    text = str(value)
    if path[-1] == "soak" and text in _NONE:
        return "PT0S"
    try:
        return f"PT{int(parse_duration(text, units='hd' if path[-1] in _LONG else 'sm').total_seconds())}S"
    except ValueError as error:
        faults.append(Fault(path, f"{spell(path)}: {error}"))
        return "PT1S"


def _twins(content: dict[str, Any]) -> Iterator[Fault]:
    """Waves that have the name of one before them."""
    rollout = content.get("rollout")
    waves = rollout.get("waves") if isinstance(rollout, dict) else None
    seen: set[str] = set()
    for place, wave in enumerate(waves if isinstance(waves, list) else ()):
        name = wave.get("name") if isinstance(wave, dict) else None
        path: Path = ("rollout", "waves", place, "name")
        if isinstance(name, str) and name in seen:
            yield Fault(path, f"{spell(path)}: a wave before has the name {name[:64]!r} already")
        elif isinstance(name, str):
            seen.add(name)


def _invalid(reason: str) -> TidegateError:
    return TidegateError(Code.RELEASE_INVALID, reason)
