"""The store's folders: made with exactly their mode, and refused where somebody else could plant names.

The agent may be root, and it empties folders, truncates files and follows its own links in the store: whoever
else can write there could lead it anywhere.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

_ROOT = 0


def make_root(path: Path) -> None:
    """Make the store's root, or look at the one that is there. The path may lead through a link.

    Raises:
        EngineError: CONFIG_VALUE, see `make_folder`.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
        path.chmod(0o755)
    _require_own(path, path.stat())


def make_folder(path: Path, mode: int) -> None:
    """Make a folder with this mode, whatever the umask, or look at the one that is there.

    Raises:
        EngineError: CONFIG_VALUE, when it is no folder, or another user owns it or may write to it.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        _require_own(path, path.lstat())
    else:
        path.chmod(mode)


def _require_own(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISDIR(found.st_mode):
        raise _refused(f"{path} is no directory")
    user = os.geteuid()
    if found.st_uid not in (user, _ROOT):
        raise _refused(f"{path} belongs to user {found.st_uid}, not to the agent's user {user}: chown it")
    # A group of one's own is common for users (umask 002); root has no such company.
    others = stat.S_IWOTH | (stat.S_IWGRP if user == _ROOT and found.st_gid != _ROOT else 0)
    if found.st_mode & others:
        raise _refused(f"others than user {user} may write to {path}: chmod go-w")


def _refused(reason: str) -> EngineError:
    return EngineError(Code.CONFIG_VALUE, f"the store of images is not the agent's alone: {reason}")
