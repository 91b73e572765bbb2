"""Settings that name files: which they are, and where they lead once the files are elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from tidegate_agent.config.keys import Location, inner_table, is_secret, key_path, known_keys
from tidegate_agent.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def with_files(tree: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """Settings in which each value that is a file's name, and in `files`, is what stands there."""
    return _table(tree, Settings, files)


def named_files(settings: BaseModel) -> Iterator[tuple[str, Path]]:
    """The key and the value of each setting that names a file or folder."""
    yield from _paths(settings, ())


def holds_secret(tree: Mapping[str, Any]) -> bool:
    """Whether one of the settings is a secret itself, such as a password."""
    return any(is_secret(Settings, location) for location in _leaves(tree, ()))


def _table(
    tree: Mapping[str, Any], table: type[BaseModel] | None, files: Mapping[str, str]
) -> dict[str, Any]:
    known = known_keys(table) if table else {}
    return {
        key: _moved(value, known[key].annotation, files) if key in known else value
        for key, value in tree.items()
    }


def _moved(value: Any, annotation: Any, files: Mapping[str, str]) -> Any:  # noqa: ANN401 - whatever TOML can hold
    if isinstance(value, dict):
        return _table(value, inner_table(annotation), files)
    if isinstance(value, list):
        return [_moved(each, annotation, files) for each in value]
    return files.get(value, value) if isinstance(value, str) and _may_be_path(annotation) else value


def _may_be_path(annotation: Any) -> bool:  # noqa: ANN401 - annotations have no common type
    return annotation is Path or any(_may_be_path(part) for part in get_args(annotation))


def _paths(value: object, at: Location) -> Iterator[tuple[str, Path]]:
    if isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            yield from _paths(getattr(value, name), (*at, info.alias or name))
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from _paths(each, (*at, index))
    elif isinstance(value, Path):
        yield key_path(at), value


def _leaves(value: object, at: Location) -> Iterator[Location]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*at, index))
    else:
        yield at
