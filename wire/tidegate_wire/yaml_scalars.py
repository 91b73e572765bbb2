"""What YAML's scalars mean here: what they mean in JSON, and perhaps dates. All else is text."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any, Final

import yaml


class PlainLoader(yaml.SafeLoader):
    """A loader that takes for a number, truth value or null what JSON does, and all else for text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 -- PyYAML's own way to replace what it inherits


_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_KINDS: Final = (
    ("bool", re.compile(r"true|false"), "tf"),
    ("int", _INT, "-0123456789"),
    ("float", _FLOAT, "-0123456789"),
    ("null", re.compile(r"null|~|"), ["n", "~", ""]),
)
for _kind, _pattern, _first in _KINDS:
    PlainLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(rf"^(?:{_pattern.pattern})$"), list(_first)
    )


class DatedLoader(PlainLoader):
    """The same, with TOML's dates and date-times (TOML 1.0, "Offset Date-Time" to "Local Date")."""


_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:[Zz]|[-+][0-9]{2}:[0-9]{2})?"
_DATE: Final = re.compile(f"^{_DAY}(?:[Tt ]{_TIME})?$")
DatedLoader.add_implicit_resolver("tag:yaml.org,2002:timestamp", _DATE, list("0123456789"))


def scalar(node: yaml.Node) -> object:
    """A scalar's value.

    Raises:
        ValueError: a date that no calendar has: its form alone does not tell.
    """
    match node.tag.rpartition(":")[2]:
        case "bool":
            return node.value == "true"
        case "int":
            return int(node.value)
        case "float":
            return float(node.value)
        case "null":
            return None
        case "timestamp":
            return _moment(node.value)
        case _:
            return node.value


def _moment(text: str) -> date:
    return date.fromisoformat(text) if len(text) == len("2026-03-02") else datetime.fromisoformat(text)
