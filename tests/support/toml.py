"""Writing TOML, for configuration files of tests: tables, lists of tables, scalars and moments."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def toml(document: Mapping[str, Any]) -> str:
    """The document as TOML. Strings, numbers, booleans and lists of them are written as JSON writes them."""
    return "\n".join(_lines(document, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for key, value in table.items():
        if not _is_table(value):
            yield f"{key} = {_scalar(value)}"
    for key, value in table.items():
        name = ".".join((*path, key))
        if isinstance(value, dict):
            yield f"[{name}]"
            yield from _lines(value, (*path, key))
        elif _is_table(value):
            for each in value:
                yield f"[[{name}]]"
                yield from _lines(each, (*path, key))


def _scalar(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else json.dumps(value)


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))
