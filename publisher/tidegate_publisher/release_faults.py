"""From validation errors to sentences that a person can act on: place, key, what was expected."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel

from tidegate_schemas.release import Release
from tidegate_wire.yaml_document import Path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from tidegate_wire.yaml_document import YamlDocument

_EXPECTED: Final = {
    "missing": "is required",
    "string_type": "expected text in quotes",
    "bool_type": "expected true or false",
    "int_type": "expected a whole number without quotes",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number without quotes",
    "tuple_type": "expected a list",
    "dict_type": "expected keys and values below it",
    "model_type": "expected keys and values below it",
    "model_attributes_type": "expected keys and values below it",
    "timezone_aware": "expected a moment with its offset, such as 2026-03-02T12:00:00Z",
    "datetime_type": "expected a moment such as 2026-03-02T12:00:00Z",
    "datetime_parsing": "expected a moment such as 2026-03-02T12:00:00Z",
    "datetime_from_date_parsing": "expected a moment such as 2026-03-02T12:00:00Z",
    "string_too_short": "must not be empty",
}
_SHOWN: Final = 30
"""A file of 64 KiB has room for thousands of faults; nobody reads so many."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with a release file.

    Attributes:
        path: where, as the file spells it.
        words: the key, and what was expected.
        instead: the key, at the same place, that this one was probably meant to be.
    """

    path: Path
    words: str
    instead: str | None = None


def tell(faults: Sequence[Fault], document: YamlDocument) -> str:
    """All faults in the order of the file, each with its place, one a line; of one key the first alone."""
    by_path: dict[Path, Fault] = {}
    for fault in faults:
        by_path.setdefault(fault.path, fault)
    # A misspelt key also leaves the right one missing: that is the same fault.
    meant = {(*fault.path[:-1], fault.instead) for fault in by_path.values() if fault.instead}
    left = [fault for fault in by_path.values() if fault.path not in meant or fault.path in document.lines]
    # What the file does not have at all stands behind what it has.
    left.sort(key=lambda fault: (fault.path[:1] not in document.lines, document.line(fault.path) or 0))
    told = [f"{document.place(fault.path)}: {fault.words}" for fault in left[:_SHOWN]]
    more = len(left) - len(told)
    return "\n".join([*told, f"and {more} more"] if more else told)


def faults_of(error: ValidationError, document: YamlDocument) -> list[Fault]:
    """What a model did not take."""
    return [_fault(found, document) for found in error.errors(include_url=False)]


def _fault(found: ErrorDetails, document: YamlDocument) -> Fault:
    path = _as_written(found["loc"], document)
    if found["type"] == "extra_forbidden":
        return _unknown(path)
    return Fault(path, f"{spell(path) or 'the release'}: {expected(found)}")


def _as_written(path: Path, document: YamlDocument) -> Path:
    """A place with the keys that the file has, where the model names another spelling of them."""
    written: Path = ()
    for part in path:
        here = (*written, part)
        if isinstance(part, str) and here not in document.lines and _snake(part) in known_keys(written):
            here = (*written, _snake(part))
        written = here
    return written


def _unknown(path: Path) -> Fault:
    known = known_keys(path[:-1])
    name = str(path[-1])
    twin = _snake(name)
    if twin in known:
        return Fault(path, f"{spell(path)[:120]}: stands beside {twin}, which is the same key")
    near = next(iter(difflib.get_close_matches(twin, known, n=1)), None)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(known)}"
    return Fault(path, f"{spell(path)[:120]}: there is no such key; {hint}", near)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def expected(fault: ErrorDetails) -> str:
    """What was expected in the place of a fault, and where it helps what was found."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "enum":
        return f"expected {context['expected']}, not {_shown(fault['input'])}"
    if kind == "string_pattern_mismatch":
        return (
            f"{_shown(fault['input'])} does not fit; expected 1 to 64 lower-case letters, digits, "
            "dots, dashes and underscores, beginning with a letter or digit"
        )
    if kind in _EXPECTED:
        found = "" if kind in {"missing", "string_too_short"} else f", not {_shown(fault['input'])}"
        return _EXPECTED[kind] + found
    message = fault["msg"].removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:200]}"


def _shown(value: object) -> str:
    match value:
        case dict():
            return "keys and values"
        case list():
            return "a list"
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return repr(value[:60])
        case _:
            return str(value)[:60]


def spell(path: Path) -> str:
    """A place as people write it: `rollout.waves[0].fraction`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def known_keys(path: Path) -> list[str]:
    """The keys that may stand at a place of the release file."""
    model: type[BaseModel] = Release
    for part in path:
        if isinstance(part, int):
            continue
        fields: dict[str, Any] = {
            spelling: field
            for name, field in model.model_fields.items()
            for spelling in (name, field.alias or name)
        }
        inner = _model_in(fields[part].annotation) if part in fields else None
        if inner is None:
            return []
        model = inner
    return sorted(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
