"""What is wrong with a configuration: file, key, what was found and what was expected."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tidegate_agent.config.keys import Location, is_secret, key_path, known_keys, table_at
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

__all__ = ["InvalidConfigError", "Location", "Problem", "translate"]

_FOUND_CHARACTERS: Final = 80
_CREDENTIALS: Final = re.compile(r"://[^/@\s]*@")
_EXPECTED: Final = {
    "dict_type": "a table",
    "model_type": "a table",
    "path_type": "a path in quotes",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "string_type": "text in quotes",
    "too_long": "at most {max_length} entries",
    "too_short": "at least {min_length} entry",
    "tuple_type": "an array",
}
_CODES: Final = {code.value: code for code in Code}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `file` is None when no file says anything about the key."""

    code: Code
    file: Path | None
    location: Location
    text: str

    def __str__(self) -> str:
        return ": ".join(str(part) for part in (self.file, key_path(self.location), self.text) if part)


class InvalidConfigError(ConfigError):
    """Configuration that cannot be used: everything that is wrong with it, at once.

    The code is that of the first problem.

    Attributes:
        problems: all of them, in the order of files and keys.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        lines = [str(problem) for problem in problems]
        if len(lines) > 1:
            lines = [f"{len(lines)} problems in the configuration:", *(f"  {line}" for line in lines)]
        super().__init__(problems[0].code, "\n".join(lines))
        self.problems = tuple(problems)


def translate(
    errors: Sequence[ErrorDetails],
    model: type[BaseModel],
    origins: Mapping[Location, Path],
    files: Sequence[Path],
) -> list[Problem]:
    """Pydantic's errors as problems.

    Args:
        errors: what pydantic found.
        model: the model of the whole configuration.
        origins: the file of every value that a file set.
        files: all that were read.
    """
    # An array whose every item is wrong is said to be too short as well; that would send people astray.
    wrong = {error["loc"][:length] for error in errors for length in range(len(error["loc"]))}
    telling = [error for error in errors if not (error["type"] == "too_short" and error["loc"] in wrong)]
    problems = [_problem(error, model, origins) for error in telling]
    return [_nowhere(problem, model, files) if problem.file is None else problem for problem in problems]


def _nowhere(problem: Problem, model: type[BaseModel], files: Sequence[Path]) -> Problem:
    """A problem that no file says anything about: all that were read are named, and what belongs there."""
    table = table_at(model, problem.location)
    needed = [key for key, info in known_keys(table).items() if info.is_required()] if table else []
    expected = f"; expected a table with {' and '.join(needed)}" if needed else ""
    return replace(problem, text=f"{problem.text} in {', '.join(map(str, files))}{expected}")


def _problem(error: ErrorDetails, model: type[BaseModel], origins: Mapping[Location, Path]) -> Problem:
    location = error["loc"]
    file = _origin(location, origins)
    if error["type"] == "missing":
        return Problem(Code.CONFIG_MISSING, file, location, "is missing")
    if error["type"] == "extra_forbidden":
        return Problem(
            Code.CONFIG_UNKNOWN_KEY, file, location, f"is not a known key{_nearest(location, model)}"
        )
    code = _CODES.get(error["type"], Code.CONFIG_VALUE)
    found = _found(error["input"]) if _may_show(location, model, error["input"]) else ""
    return Problem(code, file, location, f"{found}{_expectation(error)}")


def _origin(location: Location, origins: Mapping[Location, Path]) -> Path | None:
    """The file that set the value, or else the table that it belongs to."""
    prefixes = (location[:length] for length in range(len(location), 0, -1))
    return next((origins[prefix] for prefix in prefixes if prefix in origins), None)


def _nearest(location: Location, model: type[BaseModel]) -> str:
    """What the writer of an unknown key may have meant."""
    parent, name = location[:-1], str(location[-1])
    table = table_at(model, parent)
    here = known_keys(table) if table else {}
    near = get_close_matches(name, here, n=1)
    if near:
        return f"; the nearest is {key_path((*parent, near[0]))}"
    return f"; known here: {', '.join(here)}" if here else ""


def _may_show(location: Location, model: type[BaseModel], value: object) -> bool:
    """Whether a value may be repeated: whole tables say nothing to a reader, and secrets are not for logs."""
    return not is_secret(model, location) and not isinstance(value, dict | list | tuple)


def _found(value: Any) -> str:  # noqa: ANN401 # whatever a TOML file can hold
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, str):
        text = f'"{_CREDENTIALS.sub("://***@", value)}"'
    else:
        text = str(value)
    return f"found {text if len(text) <= _FOUND_CHARACTERS else text[:_FOUND_CHARACTERS] + '…'}; "


def _expectation(error: ErrorDetails) -> str:
    """What was expected, in TOML's words where pydantic speaks of Python's types."""
    if error["type"] in _EXPECTED:
        return f"expected {_EXPECTED[error['type']].format_map(error.get('ctx', {}))}"
    text = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    for beginning in ("Input should have ", "Input should be ", "Input should "):
        if text.startswith(beginning):
            return f"expected {text.removeprefix(beginning)}"
    return text
