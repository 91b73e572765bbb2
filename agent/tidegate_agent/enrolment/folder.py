"""Reading a folder in the shape of a mounted ConfigMap or Secret: flat, a file for each key.

kubelet keeps the values in a folder with a new name for each version, points the link `..data` to it, and a
link `KEY -> ..data/KEY` for each key at that (Kubernetes, pkg/volume/util/atomic_writer.go). Exactly these
links are followed, and the one version that `..data` names at the beginning is read throughout. What else
leads somewhere is refused: a source must not make the reader, who is root, copy other files of the host.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import TYPE_CHECKING, Final

from tidegate_agent.enrolment.entry import MAX_ENTRIES, VALUE_BYTES
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DATA: Final = "..data"
_VERSION: Final = re.compile(r"\.\.[A-Za-z0-9_][A-Za-z0-9_.-]{0,250}", re.ASCII)
_OPEN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


def read_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Names and values, in the order of the names. Names are not checked.

    Raises:
        ConfigError: CONFIG_MISSING when something cannot be read, CONFIG_VALUE for what is no such folder.
    """
    with _explained(folder), _opened(folder, os.O_DIRECTORY) as handle:
        names = _names(handle, folder)
        with _version(handle, folder) as version:
            for name in names:
                yield name, _value(handle, version, name, folder)


def read_plain(file: Path) -> bytes:
    """One file that a person named; a link is followed.

    Raises:
        ConfigError: CONFIG_MISSING, CONFIG_VALUE.
    """
    with _explained(file), _opened(file, 0) as handle:
        return _content(handle, str(file))


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(Code.CONFIG_MISSING, f"{path} cannot be read: {error.strerror}") from error


@contextlib.contextmanager
def _opened(path: Path | str, flags: int, within: int | None = None) -> Iterator[int]:
    handle = os.open(path, _OPEN | flags, dir_fd=within)
    try:
        yield handle
    finally:
        os.close(handle)


def _names(handle: int, folder: Path) -> list[str]:
    names = []
    with os.scandir(handle) as entries:
        for entry in entries:
            # kubelet's own: ..data, its versions, and ..data_tmp while it changes them.
            if not entry.name.startswith(".."):
                names.append(entry.name)
            if len(names) > MAX_ENTRIES:
                raise ConfigError(Code.CONFIG_VALUE, f"{folder} holds more than {MAX_ENTRIES} files")
    return sorted(names)


@contextlib.contextmanager
def _version(handle: int, folder: Path) -> Iterator[int | None]:
    """The folder that `..data` names; None where there is no such link."""
    try:
        target = os.readlink(_DATA, dir_fd=handle)
    except FileNotFoundError:
        yield None
        return
    if _VERSION.fullmatch(target) is None:
        raise _astray(folder / _DATA, target)
    with _opened(target, os.O_DIRECTORY | os.O_NOFOLLOW, handle) as version:
        yield version


def _value(handle: int, version: int | None, name: str, folder: Path) -> bytes:
    found = os.stat(name, dir_fd=handle, follow_symlinks=False)
    place: int | None = handle
    if stat.S_ISLNK(found.st_mode):
        target = os.readlink(name, dir_fd=handle)
        place = version if target == f"{_DATA}/{name}" else None
        if place is None:
            raise _astray(folder / name, target)
    with _opened(name, os.O_NOFOLLOW, place) as file:
        return _content(file, str(folder / name))


def _content(handle: int, name: str) -> bytes:
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no plain file"
        reason = f"{name} is {kind}: expected a flat folder with a file for each key, as Kubernetes mounts it"
        raise ConfigError(Code.CONFIG_VALUE, reason)
    content = bytearray()
    while part := os.read(handle, VALUE_BYTES + 1 - len(content)):
        content += part
        if len(content) > VALUE_BYTES:
            raise ConfigError(Code.CONFIG_VALUE, f"{name} is larger than {VALUE_BYTES // 1024} KiB")
    return bytes(content)


def _astray(link: Path, target: str) -> ConfigError:
    reason = f"{link} is a link to {target[:128]!r}; only the links of a mounted ConfigMap are followed"
    return ConfigError(Code.CONFIG_VALUE, reason)
