"""Writing TOML 1.0 from what `tomllib` reads, or a YAML document of the same shape."""

from __future__ import annotations

import json
import re
from datetime import date, time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def to_toml(tree: Mapping[str, Any]) -> str:
    """A tree as TOML; reading it again gives the same tree.

    Raises:
        ValueError: TOML cannot say a value: null, or text that is no Unicode. It names the key.
    """
    return "".join(f"{line}\n" for line in _table(tree, ())).removeprefix("\n")


def _table(tree: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[str]:
    for key, value in tree.items():
        if not isinstance(value, dict) and not _is_tables(value):
            yield f"{_key(key)} = {_value(value, (*at, key))}"
    for key, value in tree.items():
        here = (*at, key)
        name = ".".join(map(_key, here))
        if isinstance(value, dict):
            yield from ("", f"[{name}]")
            yield from _table(value, here)
        elif _is_tables(value):
            for each in value:
                yield from ("", f"[[{name}]]")
                yield from _table(each, here)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key, (key,))


def _value(value: object, at: tuple[str, ...]) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value, at)
        case date() | time():
            return value.isoformat()
        case list():
            return f"[{', '.join(_value(each, at) for each in value)}]"
        case dict():
            pairs = (f"{_key(key)} = {_value(inner, (*at, key))}" for key, inner in value.items())
            return f"{{{', '.join(pairs)}}}"
        case None:
            raise ValueError(f"{'.'.join(at)} has no value: write one, or leave the key out")
        case _:
            raise ValueError(f"{'.'.join(at)} has a value that settings cannot have")


def _text(value: str, at: tuple[str, ...]) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{'.'.join(at)!r} is no text in Unicode") from None
    # JSON's escapes are among TOML's; TOML alone forbids DEL as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
