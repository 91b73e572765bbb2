"""One agent for each state directory: two would share a journal and throw each other off the broker."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidegate_agent.adapters.own_place import make_own_folder
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the state directory; the kernel lets go of it however the process ends (flock(2)).

    It is the directory itself that is held, and no file in it: a disk that is full or read-only keeps no
    agent from starting, and from telling so.

    Raises:
        TidegateError: AGENT_RUNNING when another agent holds it, DISK_IO when it cannot be used,
            CONFIG_VALUE when others can write to it.
    """
    try:
        make_own_folder(directory, "state.directory")
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise TidegateError(Code.DISK_IO, f"{directory} cannot be used: {error.strerror}") from error
    try:
        _hold(folder, directory)
        yield
    finally:
        os.close(folder)


def _hold(folder: int, directory: Path) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        reason = f"another agent runs with the state directory {directory}"
        raise TidegateError(Code.AGENT_RUNNING, reason) from error
