"""Places that are the agent's alone: nobody else can put something else there.

The agent may be root, and believes what it finds in these places: what it remembers, which root it trusts,
who listens on its socket. What leads to them is the host's: a link in the path is followed.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.whole_file import sync_names
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

_ROOT: Final = 0
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def make_own_folder(path: Path, name: str) -> None:
    """Make a folder for the agent's user alone, durably, or look at the one that is there.

    Args:
        path: where; what is above it is made as well.
        name: what it is, in words for a person.

    Raises:
        ConfigError: CONFIG_VALUE, as `require_own_folder`.
        OSError: it cannot be made, or is no folder.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in missing:
        # Else a power cut could take the folder away again, with all that was made durable inside.
        sync_names(each.parent)
    require_own_folder(path, name)


def require_own_folder(path: Path, name: str) -> None:
    """Require that a folder belongs to the agent's user or root, and that nobody else may write to it.

    Raises:
        ConfigError: CONFIG_VALUE, it does not.
        OSError: it cannot be looked at.
    """
    _require_own(path.stat(), f"{name} {path}", path)


def require_unshared_folder(path: Path, name: str) -> int:
    """Require that nobody but its owner and root may write to a folder; the owner's user id.

    Raises:
        ConfigError: CONFIG_VALUE, others may.
        OSError: it cannot be looked at.
    """
    found = path.stat()
    _require_unshared(found, f"{name} {path}", path)
    return found.st_uid


def require_own_file(path: Path, name: str) -> None:
    """Make an empty file for the agent's user alone, or require that the one there is no other user's.

    Raises:
        ConfigError: CONFIG_VALUE, it is a link, no plain file, another user's, or others may write to it.
        OSError: it cannot be opened for writing.
    """
    if path.is_symlink():
        raise ConfigError(Code.CONFIG_VALUE, f"{name} {path} is a link: put the file itself in its place")
    # Not blocking: a FIFO in the file's place must not hold the agent up.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(Code.CONFIG_VALUE, f"{name} {path} is no plain file")
    _require_own(found, f"{name} {path}", path)


def _require_own(found: os.stat_result, what: str, path: Path) -> None:
    user = os.geteuid()
    if found.st_uid not in (user, _ROOT):
        reason = f"it belongs to user {found.st_uid}, and this is user {user}: act as that user, or chown it"
        raise _not_alone(what, reason)
    _require_unshared(found, what, path)


def _require_unshared(found: os.stat_result, what: str, path: Path) -> None:
    if found.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(found.st_mode)
        raise _not_alone(what, f"other users may write to it (mode {mode:04o}): chmod go-w {path}")


def _not_alone(what: str, reason: str) -> ConfigError:
    return ConfigError(Code.CONFIG_VALUE, f"{what} is not the agent's alone: {reason}")
