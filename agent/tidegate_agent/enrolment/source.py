"""What a person names as a source, whichever shape it has, as entries.

1. A folder: a file for each key (`folder`); YAML files in it are read as below.
2. `*.toml`: settings, as the agent reads them anyway.
3. Anything else is YAML: documents of Kubernetes; user-data of cloud-init, of which the key `tidegate` is
   taken; or settings, the same tree as in TOML.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_agent.enrolment import kubernetes
from tidegate_agent.enrolment.entry import DOCUMENTS, SETTINGS, VALUE_BYTES, Entry, require_distinct
from tidegate_agent.enrolment.folder import read_folder, read_plain
from tidegate_agent.enrolment.toml_text import to_toml
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code
from tidegate_wire.yaml_document import Reading, YamlDocument, read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLOUD_KEY: Final = "tidegate"
"""The key of cloud-init's user-data that holds settings."""

_READING: Final = Reading(size=2 * VALUE_BYTES, nodes=20_000, depth=16, documents=64, dates=True)


def read_sources(sources: Sequence[Path]) -> tuple[Entry, ...]:
    """All entries of all sources; each name once.

    Raises:
        TidegateError: CONFIG_MISSING, CONFIG_SYNTAX or CONFIG_VALUE.
    """
    return require_distinct(_finished(entry) for source in sources for entry in _entries(source))


def _entries(source: Path) -> Iterator[Entry]:
    if source.is_dir():
        for name, content in read_folder(source):
            yield from _file(name, content, str(source / name))
    elif source.name.endswith(DOCUMENTS) or source.name.endswith(SETTINGS):
        yield from _file(source.name, read_plain(source), str(source))
    else:
        # Such as the user-data.txt that cloud-init leaves behind.
        yield from _documents(source.name, read_plain(source), str(source))


def _file(name: str, content: bytes, origin: str) -> Iterator[Entry]:
    if name.endswith(DOCUMENTS):
        yield from _documents(name, content, origin)
    else:
        yield Entry(name, content, origin)


def _finished(entry: Entry) -> Entry:
    """Values of ConfigMaps may be settings in YAML, too."""
    if not entry.name.endswith(DOCUMENTS):
        return entry
    documents = read_documents(entry.content, entry.origin, _READING)
    return _settings(entry.name, _single(documents, entry.origin), entry.secret)


def _documents(name: str, content: bytes, origin: str) -> Iterator[Entry]:
    documents = [each for each in read_documents(content, origin, _READING) if each.content is not None]
    if documents and all(kubernetes.is_kubernetes(each.content) for each in documents):
        for document in documents:
            yield from kubernetes.entries(document)
    else:
        yield _settings(name, _single(documents, origin), secret=False)


def _single(documents: Sequence[YamlDocument], origin: str) -> YamlDocument:
    if len(documents) != 1:
        count = len(documents)
        reason = f"{origin} holds {count} documents; expected one with settings, or ConfigMaps and Secrets"
        raise ConfigError(Code.CONFIG_SYNTAX, reason)
    return documents[0]


def _settings(name: str, document: YamlDocument, secret: bool) -> Entry:  # noqa: FBT001 - passed on as it is
    content = document.content
    if isinstance(content, dict) and CLOUD_KEY in content:
        content = content[CLOUD_KEY]
    if not isinstance(content, dict):
        reason = f"{document.place(())}: expected settings as keys and values (`bus:`), ConfigMaps or Secrets"
        raise ConfigError(Code.CONFIG_SYNTAX, reason)
    try:
        text = to_toml(content)
    except ValueError as error:
        raise ConfigError(Code.CONFIG_VALUE, f"{document.name}: {error}") from error
    return Entry(f"{Path(name).stem}{SETTINGS}", text.encode(), document.name, secret)
