"""One agent for each state directory: two would share a journal and throw each other off the broker."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.own_place import make_own_folder
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_NAME: Final = "agent.lock"


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the state directory; the kernel lets go of it however the process ends (flock(2)).

    Raises:
        TidegateError: AGENT_RUNNING when another agent holds it, DISK_IO when it cannot be written,
            CONFIG_VALUE when others can write to it.
    """
    try:
        make_own_folder(directory, "state.directory")
        file = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise TidegateError(Code.DISK_IO, f"{directory} cannot be used: {error.strerror}") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            reason = f"another agent runs with the state directory {directory}"
            raise TidegateError(Code.AGENT_RUNNING, reason) from error
        yield
    finally:
        os.close(file)
