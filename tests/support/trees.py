"""Directory trees as data, so that two can be compared file by file."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Seen:
    """All of one path that an image can say about it."""

    type: int
    mode: int
    owner: tuple[int, int]
    mtime_ns: int
    size: int = 0
    content: str = ""
    target: str = ""
    device: int = 0
    xattrs: tuple[tuple[str, bytes], ...] = ()


def scan(root: Path) -> dict[str, Seen]:
    """Every path below a root, and the root itself as the empty path."""
    found = {"": look(root)}
    for folder, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(folder) / name
            found[os.path.relpath(path, root)] = look(path)
    return found


def look(path: Path) -> Seen:
    """One path, links not followed."""
    status = path.lstat()
    kind = stat.S_IFMT(status.st_mode)
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return Seen(
        type=kind,
        mode=stat.S_IMODE(status.st_mode),
        owner=(status.st_uid, status.st_gid),
        mtime_ns=status.st_mtime_ns,
        size=status.st_size if kind == stat.S_IFREG else 0,
        content=_digest(path) if kind == stat.S_IFREG else "",
        target=str(path.readlink()) if kind == stat.S_IFLNK else "",
        device=status.st_rdev,
        xattrs=tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names),
    )


def hard_links(root: Path) -> set[frozenset[str]]:
    """The groups of paths that are one file."""
    groups: dict[int, set[str]] = defaultdict(set)
    for folder, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(folder) / name
            status = path.lstat()
            if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                groups[status.st_ino].add(os.path.relpath(path, root))
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def differences(left: dict[str, Seen], right: dict[str, Seen]) -> list[str]:
    """Where two scans differ, in words."""
    only = [f"only left: {path}" for path in sorted(left.keys() - right.keys())]
    only += [f"only right: {path}" for path in sorted(right.keys() - left.keys())]
    both = sorted(left.keys() & right.keys())
    return only + [f"{path}: {left[path]} != {right[path]}" for path in both if left[path] != right[path]]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
