"""The command that is run after a switch, to make the running application the one that is current."""

from __future__ import annotations

import os

from tidegate_agent.errors import EngineError
from tidegate_agent.process import Finished, run
from tidegate_schemas.codes import Code


def run_hook(command: tuple[str, ...], environment: dict[str, str], timeout: float) -> None:
    """Run a command and wait for it; what it leaves running in the background goes on.

    A background application must have its output sent elsewhere, to the journal for example: the hook's own
    output ends with the hook, as a file that nobody sees would let the application fill the disk.

    Args:
        command: program and arguments, no shell. Nothing is done when it is empty.
        environment: variables beside the agent's own.
        timeout: seconds; then the command and its children are killed.

    Raises:
        EngineError: ACTIVATE_FAILED, with the end of the command's output.
    """
    if not command:
        return
    try:
        finished = run(command, timeout, os.environ | environment, spare_background=True)
    except OSError as error:
        raise _failed(f"the command {command[0]!r} cannot be run: {error.strerror}") from error
    if finished.status != 0:
        raise _failed(
            f"the command {command[0]!r} {_end(finished, timeout)}: {finished.output or 'no output'}"
        )


def _end(finished: Finished, timeout: float) -> str:
    if finished.status is None:
        return f"was not done in {timeout:g} s"
    if finished.status < 0:
        return f"was ended by signal {-finished.status}"
    return f"ended with status {finished.status}"


def _failed(reason: str) -> EngineError:
    return EngineError(Code.ACTIVATE_FAILED, reason, retryable=True)
