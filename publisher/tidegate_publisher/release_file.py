"""The release file: from YAML and flags to a Release; errors name line, key and what was expected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tidegate_publisher.durations import parse_duration
from tidegate_publisher.release_faults import explain
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.release import Release
from tidegate_wire.yaml_document import YamlDocument, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

_DURATIONS = ("expires_in", "expiresIn")


def load_release(raw: bytes, name: str, overrides: Mapping[str, object] | None = None) -> Release:
    """Read a release file.

    Args:
        raw: the file's bytes.
        name: what to call the file in messages.
        overrides: values from flags, by key (`sequence`) or dotted path (`rollout.state`); they win.

    Raises:
        TidegateError: CONFIG_SYNTAX for bad YAML, RELEASE_INVALID for all else.
    """
    document = read_yaml(raw, name)
    content = document.content
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise _invalid(f"{document.place(())}: expected keys and values (`product: os`), not a list or text")
    merged = _merge(content, overrides or {}, document)
    return _validate(_with_durations(merged, document), document)


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


def _with_durations(content: dict[str, Any], document: YamlDocument) -> dict[str, Any]:
    converted = dict(content)
    for key in _DURATIONS:
        if key not in converted:
            continue
        try:
            # A number alone is refused as text is: nobody can tell its unit.
            duration = parse_duration(str(converted[key]))
            converted[key] = f"PT{int(duration.total_seconds())}S"
        except ValueError as error:
            raise _invalid(f"{document.place((key,))}: {key}: {error}") from error
    return converted


def _validate(content: dict[str, Any], document: YamlDocument) -> Release:
    try:
        # Through JSON, because strict models take text for moments and lists for tuples from JSON only.
        return Release.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise _invalid(explain(error, document)) from error


def _invalid(reason: str) -> TidegateError:
    return TidegateError(Code.RELEASE_INVALID, reason)
