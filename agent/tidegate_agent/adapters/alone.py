"""One agent for each state directory: two would share a journal and throw each other off the broker."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.own_place import make_own_folder
from tidegate_agent.held_file import held
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
    taken = TidegateError(Code.AGENT_RUNNING, f"another agent runs with the state directory {directory}")
    with ExitStack() as stack:
        try:
            make_own_folder(directory, "state.directory")
            stack.enter_context(held(directory / LOCK_NAME, taken))
        except OSError as error:
            raise TidegateError(Code.DISK_IO, f"{directory} cannot be used: {error.strerror}") from error
        yield
