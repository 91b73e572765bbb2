"""Finding and merging configuration files in systemd's manner (systemd.unit(5), sysctl.d(5)).

1. In each of the directories there may be `agent.toml` and `agent.toml.d/*.toml`. Names that begin with a dot
   are passed over: editors keep theirs there, and kubelet the versions of a mounted ConfigMap.
2. Of files with the same name the one in the later directory counts: /etc over /run over /usr/lib.
3. A link to /dev/null masks a file: it counts as absent.
4. `agent.toml` is read first, then the drop-ins in the order of their file names, wherever they lie.
5. Tables are merged key by key, and a later value replaces an earlier one.
6. Arrays of tables ([[follow]], [[window]], …) are appended to each other; an empty array (`window = []`)
   forgets what came before it, as an empty assignment does in a unit file. Other arrays are replaced whole.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tidegate_agent.config.problems import Location, Problem
from tidegate_schemas.codes import Code

DIRECTORIES: Final = (Path("/usr/lib/tidegate"), Path("/run/tidegate"), Path("/etc/tidegate"))
"""Where configuration lies, in ascending precedence."""

FILE_NAME: Final = "agent.toml"
FILE_BYTES: Final = 1024 * 1024


@dataclass(slots=True)
class Merged:
    """Several files as one tree, and for each value the file that it came from."""

    tree: dict[str, Any] = field(default_factory=dict)
    origins: dict[Location, Path] = field(default_factory=dict)

    def add(self, table: dict[str, Any], file: Path) -> None:
        """Lay the content of a further file over what is there."""
        self._table(self.tree, table, (), file)

    def _table(self, into: dict[str, Any], table: dict[str, Any], at: Location, file: Path) -> None:
        for key, value in table.items():
            here = (*at, key)
            present = into.get(key)
            if isinstance(value, dict) and isinstance(present, dict):
                self._table(present, value, here, file)
            elif isinstance(present, list) and _is_tables(value) and _is_tables(present):
                self._append(present, value, here, file)
            else:
                self._forget(here)
                into[key] = value
                self._note(value, here, file)

    def _append(self, present: list[Any], tables: list[Any], at: Location, file: Path) -> None:
        for table in tables:
            self._note(table, (*at, len(present)), file)
            present.append(table)

    def _note(self, value: object, at: Location, file: Path) -> None:
        self.origins[at] = file
        if isinstance(value, dict):
            for key, inner in value.items():
                self._note(inner, (*at, key), file)
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                self._note(inner, (*at, index), file)

    def _forget(self, at: Location) -> None:
        for known in [known for known in self.origins if known[: len(at)] == at]:
            del self.origins[known]


def find(directories: tuple[Path, ...]) -> list[Path]:
    """The files that count, in the order in which they are merged."""
    main: list[Path] = []
    dropins: dict[str, Path] = {}
    for directory in directories:
        candidate = directory / FILE_NAME
        if os.path.lexists(candidate):
            main = [candidate]
        dropins |= {file.name: file for file in drop_ins(directory)}
    ordered = [*main, *(dropins[name] for name in sorted(dropins))]
    return [file for file in ordered if not _masked(file)]


def drop_ins(directory: Path) -> list[Path]:
    """The drop-ins of one directory, masking links among them, in no order."""
    folder = directory / f"{FILE_NAME}.d"
    if not folder.is_dir():
        return []
    return [file for file in folder.iterdir() if file.suffix == ".toml" and not file.name.startswith(".")]


def read(file: Path) -> dict[str, Any] | Problem:
    """One file's content, or what is wrong with it."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(FILE_BYTES + 1)
    except OSError as error:
        return Problem(Code.CONFIG_MISSING, file, (), f"cannot be read: {error.strerror}")
    if len(raw) > FILE_BYTES:
        return Problem(Code.CONFIG_VALUE, file, (), f"is larger than {FILE_BYTES} bytes")
    try:
        return tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return Problem(Code.CONFIG_SYNTAX, file, (), f"is not UTF-8 (at line {line})")
    except tomllib.TOMLDecodeError as error:
        return Problem(Code.CONFIG_SYNTAX, file, (), f"is not TOML: {error}")
    except RecursionError:
        return Problem(Code.CONFIG_SYNTAX, file, (), "is nested too deeply")


def _is_tables(value: object) -> bool:
    """Whether a value is a non-empty array of tables."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _masked(file: Path) -> bool:
    return file.is_symlink() and os.path.realpath(file) == os.devnull
