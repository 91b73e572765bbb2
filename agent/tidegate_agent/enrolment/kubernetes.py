"""ConfigMaps and Secrets as documents (Kubernetes API, core/v1)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from tidegate_agent.enrolment.entry import Entry
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate_wire.yaml_document import Path, YamlDocument

_VERSION: Final = "v1"
_DATA: Final = {
    "ConfigMap": {"data": False, "binaryData": True},
    "Secret": {"stringData": False, "data": True},
}
"""Which keys hold values, and whether these are in base64."""

_ELSE: Final = frozenset({"apiVersion", "kind", "metadata", "immutable", "type"})


def is_kubernetes(content: object) -> bool:
    """Whether a document says that it is an object of Kubernetes."""
    return isinstance(content, dict) and {"apiVersion", "kind"} <= content.keys()


def entries(document: YamlDocument) -> Iterator[Entry]:
    """The values of a ConfigMap, a Secret, or a List of them.

    Raises:
        ConfigError: CONFIG_SYNTAX, with file and line.
    """
    content = document.content
    if isinstance(content, dict) and (content.get("apiVersion"), content.get("kind")) == (_VERSION, "List"):
        items = content.get("items")
        if not isinstance(items, list):
            raise _fault(document, ("items",), "expected a list")
        for index, item in enumerate(items):
            yield from _object(document, item, ("items", index))
    else:
        yield from _object(document, content, ())


def _object(document: YamlDocument, content: object, at: Path) -> Iterator[Entry]:
    if not isinstance(content, dict) or not is_kubernetes(content):
        raise _fault(document, at, "expected a ConfigMap or a Secret")
    kind = content["kind"]
    fields = _DATA.get(kind) if isinstance(kind, str) and content["apiVersion"] == _VERSION else None
    if fields is None:
        raise _fault(document, at, f"{str(kind)[:64]!r} is neither a ConfigMap nor a Secret of {_VERSION}")
    unknown = content.keys() - fields.keys() - _ELSE
    if unknown:
        raise _fault(document, (*at, min(unknown)), f"{min(unknown)[:64]!r} is no key of a {kind}")
    for field, encoded in fields.items():
        for name, value in _values(document, content, field, at).items():
            place = (*at, field, name)
            raw = (_decoded if encoded else _encoded)(document, value, place)
            yield Entry(name, raw, document.place(place), secret=kind == "Secret")


def _values(document: YamlDocument, content: Mapping[str, Any], field: str, at: Path) -> Mapping[str, str]:
    found = content.get(field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _fault(document, (*at, field), f"expected keys and values below {field}")
    for name, value in found.items():
        if not isinstance(value, str):
            raise _fault(document, (*at, field, name), f"the value of {name[:64]!r} must be text, in quotes")
    return found


def _encoded(document: YamlDocument, value: str, at: Path) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise _fault(document, at, "expected text in Unicode") from error


def _decoded(document: YamlDocument, value: str, at: Path) -> bytes:
    try:
        # Line breaks are what `base64` makes, and the API server takes them.
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _fault(document, at, "expected base64") from error


def _fault(document: YamlDocument, at: Path, reason: str) -> ConfigError:
    return ConfigError(Code.CONFIG_SYNTAX, f"{document.place(at)}: {reason}")
