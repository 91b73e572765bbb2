"""From a validation error to a sentence that a person can act on: place, key, what was expected."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel

from tidegate_schemas.release import Release

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from tidegate_wire.yaml_document import Path, YamlDocument

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
_SHOWN: Final = 3


def explain(error: ValidationError, document: YamlDocument) -> str:
    """The first faults, one a line, each with its place; how many more there are."""
    # A misspelt key also leaves the right one missing: the spelling is what has to be told first.
    faults = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    told = [_sentence(fault, document) for fault in faults[:_SHOWN]]
    more = len(faults) - len(told)
    return "\n".join([*told, f"and {more} more"] if more else told)


def _sentence(fault: ErrorDetails, document: YamlDocument) -> str:
    path: Path = fault["loc"]
    place = document.place(path)
    if fault["type"] == "extra_forbidden":
        return f"{place}: {_unknown(path)}"
    key = spell(path) or "the release"
    return f"{place}: {key}: {expected(fault)}"


def _unknown(path: Path) -> str:
    known = known_keys(path[:-1])
    name = str(path[-1])
    twin = _snake(name)
    if twin in known:
        return f"{spell(path)[:120]}: stands beside {twin}, which is the same key"
    near = difflib.get_close_matches(twin, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"{spell(path)[:120]}: there is no such key; {hint}"


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
