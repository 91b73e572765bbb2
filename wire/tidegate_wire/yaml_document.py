"""Reading YAML that a person wrote: capped, with line numbers, and without YAML's surprises.

Only what JSON can say is understood: `no` is text and not false, `1_000` and `0o17` are text, and so is
`2026-03-02` unless dates are asked for. Anchors, aliases and tags are refused: nothing here needs them, and
aliases are how a small file becomes a large one. So is a second document where one is expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.yaml_scalars import DatedLoader, PlainLoader, scalar

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES: Final = 64 * 1024

Path = tuple[str | int, ...]
"""A place in a document: keys and list indexes from the top."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read.

    Attributes:
        size: the most bytes it may have.
        nodes: the most values and keys, each of which takes a hundred times its size in memory.
        depth: how deep it may be nested.
        documents: how many documents it may hold.
        dates: whether text without quotes that TOML takes for a date or date-time is one here, too.
    """

    size: int = MAX_BYTES
    nodes: int = MAX_BYTES
    depth: int = 16
    documents: int = 1
    dates: bool = False


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A document's content, and the line (from 1) on which each part of it stands."""

    name: str
    content: object
    lines: dict[Path, int]

    def place(self, path: Path) -> str:
        """Where a part stands, for a message: `release.yaml:12`, or the nearest part around it."""
        line = self.line(path)
        return self.name if line is None else f"{self.name}:{line}"

    def line(self, path: Path) -> int | None:
        """The line of a part, or of the nearest part around it; None where the document has no content."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def read_yaml(raw: bytes, name: str) -> YamlDocument:
    """Read one document.

    Args:
        raw: the file's bytes, at most 64 KiB.
        name: what to call the file in messages.

    Raises:
        TidegateError: CONFIG_SYNTAX, with file and line.
    """
    documents = read_documents(raw, name, Reading())
    return documents[0] if documents else YamlDocument(name, None, {})


def read_documents(raw: bytes, name: str, reading: Reading) -> tuple[YamlDocument, ...]:
    """Read all documents of a file; lines are counted from its beginning. Empty for an empty file.

    Raises:
        TidegateError: CONFIG_SYNTAX, with file and line.
    """
    if len(raw) > reading.size:
        raise TidegateError(Code.CONFIG_SYNTAX, f"{name} is larger than {reading.size // 1024} KiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TidegateError(Code.CONFIG_SYNTAX, f"{name} is not UTF-8 at byte {error.start}") from error
    loader = DatedLoader if reading.dates else PlainLoader
    try:
        _check_events(yaml.parse(text, Loader=loader), name, reading)
        nodes = list(yaml.compose_all(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _fault(name, line, f"not valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise TidegateError(Code.CONFIG_SYNTAX, f"{name}: not valid YAML: {str(error)[:200]}") from error
    return tuple(_document(node, name) for node in nodes)


def _document(node: yaml.Node, name: str) -> YamlDocument:
    lines: dict[Path, int] = {}
    return YamlDocument(name, _Converter(name, lines).convert(node, ()), lines)


def _check_events(events: Iterable[yaml.Event], name: str, reading: Reading) -> None:
    # PyYAML's event parser keeps its own stack, so that hostile depth is found before anything recurses.
    depth = documents = nodes = 0
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 1
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > reading.documents:
            most = "one is expected" if reading.documents == 1 else f"there may be {reading.documents}"
            which = "a second document" if reading.documents == 1 else "one more document"
            raise _fault(name, line, f"{which} begins; {most}")
        _check_plain(event, name, line)
        nodes += isinstance(event, yaml.NodeEvent)
        if nodes > reading.nodes:
            raise _fault(name, line, f"it has more than {reading.nodes} keys and values")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > reading.depth:
                raise _fault(name, line, f"nested deeper than {reading.depth} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_plain(event: yaml.Event, name: str, line: int) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise _fault(name, line, "anchors and aliases are not understood; write the value out")
    tag = getattr(event, "tag", None)
    if tag:
        raise _fault(name, line, f"the tag {tag} is not understood; put text into quotes instead")


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
        try:
            return scalar(node)
        except ValueError as error:
            raise _fault(self._name, _line(node), f"{node.value[:64]!r}: {error}") from error

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


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _fault(name: str, line: int, problem: str) -> TidegateError:
    return TidegateError(Code.CONFIG_SYNTAX, f"{name}:{line}: {problem}")
