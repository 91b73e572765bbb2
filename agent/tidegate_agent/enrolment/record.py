"""What enrolment put into a folder before: so that it takes back its own, and nothing of others."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from tidegate_agent.enrolment.entry import RECORD_NAME, VALUE_BYTES
from tidegate_agent.enrolment.plan import CLOSED_MODE, Planned
from tidegate_agent.errors import ConfigError
from tidegate_schemas import jsontext
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Files = dict[PurePosixPath, Planned]

_RECORD: Final = PurePosixPath(RECORD_NAME)


def with_record(files: Files) -> Files:
    """The files, and the record of them."""
    digests = {str(place): _digest(each.content) for place, each in sorted(files.items())}
    text = json.dumps({"files": digests}, indent=1) + "\n"
    return {**files, _RECORD: Planned(text.encode(), CLOSED_MODE, "tidegate-agent enrol")}


def recorded(folder: Path) -> dict[PurePosixPath, str]:
    """The files that were put there, and the SHA-256 of each; empty when there were none.

    Raises:
        ConfigError: CONFIG_SYNTAX, the record was damaged.
    """
    raw = content_of(folder / RECORD_NAME)
    if raw is None:
        return {}
    try:
        document = jsontext.parse(raw, VALUE_BYTES)
        files = document["files"] if isinstance(document, dict) else None
    except (TidegateError, KeyError):
        files = None
    if not isinstance(files, dict):
        reason = f"{folder / RECORD_NAME} is damaged: remove it, and enrol again with --force"
        raise ConfigError(Code.CONFIG_SYNTAX, reason)
    places = {PurePosixPath(str(place)): str(digest) for place, digest in files.items()}
    return {
        place: digest
        for place, digest in places.items()
        if not place.is_absolute() and ".." not in place.parts
    }


def conflicts(folder: Path, files: Mapping[PurePosixPath, Planned]) -> list[PurePosixPath]:
    """Files in the way that enrolment did not write, or that were changed since: somebody's work."""
    known = recorded(folder)
    found = []
    for place in sorted({*files, *known}):
        content = content_of(folder / place)
        if content is None or place == _RECORD:
            continue
        wanted = files.get(place)
        if _digest(content) != known.get(place) and (wanted is None or wanted.content != content):
            found.append(place)
    return found


def changes(folder: Path, files: Mapping[PurePosixPath, Planned]) -> dict[PurePosixPath, str]:
    """What is to be done about each file, in a word: new, changed, removed. Files that stay are left out."""
    todo = {}
    for place, planned in files.items():
        content = content_of(folder / place)
        if content is None:
            todo[place] = "new"
        elif content != planned.content or _mode(folder / place) != planned.mode:
            todo[place] = "changed"
    gone = recorded(folder).keys() - files.keys()
    return todo | {place: "removed" for place in gone if os.path.lexists(folder / place)}


def content_of(file: Path) -> bytes | None:
    """What a file holds; None when there is none, and nothing for a link, which is never enrolment's.

    Raises:
        ConfigError: CONFIG_MISSING when it cannot be read, CONFIG_VALUE when it is no file at all.
    """
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if file.is_symlink():
            return b""
        raise ConfigError(Code.CONFIG_MISSING, f"{file} cannot be read: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ConfigError(Code.CONFIG_VALUE, f"{file} is in the way, and no plain file: remove it")
        # More than enrolment would have written is not its own, however it goes on.
        return os.read(handle, 2 * VALUE_BYTES)
    finally:
        os.close(handle)


def _mode(file: Path) -> int:
    found = file.lstat()
    return stat.S_IMODE(found.st_mode) if stat.S_ISREG(found.st_mode) else -1


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
