"""Reading YAML that a person wrote: capped, with line numbers, and without YAML's surprises.

Only what JSON can say is understood: `no` is text and not false, `2026-03-02` is text and not a date, `1_000`
and `0o17` are text. Anchors, aliases, tags and a second document are refused: a release file needs none of
them, and aliases are how a small file becomes a large one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from tidegate_schemas.codes import Code, TidegateError

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 16

Path = tuple[str | int, ...]
"""A place in a document: keys and list indexes from the top."""


class _Loader(yaml.SafeLoader):
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
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(rf"^(?:{_pattern.pattern})$"), list(_first)
    )


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A document's content, and the line (from 1) on which each part of it stands."""

    name: str
    content: object
    lines: dict[Path, int]

    def place(self, path: Path) -> str:
        """Where a part stands, for a message: `release.yaml:12`, or the nearest part around it."""
        while path not in self.lines:
            if not path:
                return self.name
            path = path[:-1]
        return f"{self.name}:{self.lines[path]}"


def read_yaml(raw: bytes, name: str) -> YamlDocument:
    """Read one document.

    Args:
        raw: the file's bytes, at most 64 KiB.
        name: what to call the file in messages.

    Raises:
        TidegateError: CONFIG_SYNTAX, with file and line.
    """
    if len(raw) > MAX_BYTES:
        raise TidegateError(Code.CONFIG_SYNTAX, f"{name} is larger than {MAX_BYTES // 1024} KiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TidegateError(Code.CONFIG_SYNTAX, f"{name} is not UTF-8 at byte {error.start}") from error
    try:
        _check_events(text, name)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _fault(name, line, f"not valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise TidegateError(Code.CONFIG_SYNTAX, f"{name}: not valid YAML: {str(error)[:200]}") from error
    lines: dict[Path, int] = {}
    return YamlDocument(name, None if node is None else _Converter(name, lines).convert(node, ()), lines)


def _check_events(text: str, name: str) -> None:
    # PyYAML's event parser keeps its own stack, so that hostile depth is found before anything recurses.
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _fault(name, line, "a second document begins; a release file holds one")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _fault(name, line, "anchors and aliases are not understood; write the value out")
        tag = getattr(event, "tag", None)
        if tag:
            raise _fault(name, line, f"the tag {tag} is not understood; put text into quotes instead")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _fault(name, line, f"nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Converter:
    """From nodes to plain values, noting the line of each."""

    def __init__(self, name: str, lines: dict[Path, int]) -> None:
        self._name = name
        self._lines = lines

    def convert(self, node: yaml.Node, path: Path) -> object:
        self._lines.setdefault(path, _line(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                raise _fault(self._name, _line(key_node), "a key must be plain text")
            place = (*path, key)
            if key in found:
                first = self._lines[place]
                raise _fault(
                    self._name, _line(key_node), f"the key {key[:64]!r} stands on line {first} already"
                )
            self._lines[place] = _line(key_node)
            found[key] = self.convert(value_node, place)
        return found


def _scalar(node: yaml.Node) -> object:
    match node.tag.rpartition(":")[2]:
        case "bool":
            return node.value == "true"
        case "int":
            return int(node.value)
        case "float":
            return float(node.value)
        case "null":
            return None
        case _:
            return node.value


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _fault(name: str, line: int, problem: str) -> TidegateError:
    return TidegateError(Code.CONFIG_SYNTAX, f"{name}:{line}: {problem}")
