"""What a refused message leaves as it was: the journal but for its events, the store, the running image."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

Row = tuple[Any, ...]
File = tuple[str, int, int, str]


_IMAGES: Final = ("generations/", "incoming/", "layers/", "objects/")


@dataclass(frozen=True)
class Snapshot:
    """A host's disk at one moment.

    Attributes:
        journal: every table but `event`, all rows: state, memory, sequence, releases, quarantine, approvals,
            clock floor, number of starts.
        store: every path of the image store: kind, mode and owner, size, time of the last change, and SHA-256
            or where a link leads.
        running: where the link to the running image leads.
    """

    journal: dict[str, list[Row]]
    store: dict[str, File]
    running: str

    def contents(self) -> dict[str, str]:
        """The content of every image, object and record in the store, whatever was written in between."""
        return {
            path: content
            for path, (_, _, _, content) in self.store.items()
            if path.startswith(_IMAGES) and content
        }


def take_snapshot(journal: Path, store: Path) -> Snapshot:
    """Read both anew, from the disk."""
    running = os.path.realpath(store / "current")
    return Snapshot(
        _tables(journal), {str(path.relative_to(store)): _file(path) for path in _walk(store)}, running
    )


def _tables(path: Path) -> dict[str, list[Row]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        names = [name for (name,) in db.execute("select name from sqlite_schema where type = 'table'")]
        return {
            name: sorted(db.execute(f'select * from "{name}"'))  # noqa: S608 - names out of the schema itself
            for name in names
            if name not in {"event", "sqlite_sequence"}
        }


def _walk(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def _file(path: Path) -> File:
    found = path.lstat()
    kind = f"{stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid}"
    if path.is_symlink():
        return kind, 0, found.st_mtime_ns, str(path.readlink())
    if path.is_dir():
        return kind, 0, found.st_mtime_ns, ""
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    return kind, found.st_size, found.st_mtime_ns, content
