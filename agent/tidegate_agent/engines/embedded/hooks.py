"""The command that is run after a switch, to make the running application the one that is current."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from typing import IO

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

_TAIL_BYTES = 2000


def run_hook(command: tuple[str, ...], environment: dict[str, str], timeout: float) -> None:
    """Run a command and wait for it; what it leaves running in the background goes on.

    Args:
        command: program and arguments, no shell. Nothing is done when it is empty.
        environment: variables beside the agent's own.
        timeout: seconds; then the command and its children are killed.

    Raises:
        EngineError: ACTIVATE_FAILED, with the end of the command's output.
    """
    if not command:
        return
    # A file, not a pipe: an application started in the background would hold a pipe open for ever.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | environment,
                start_new_session=True,
            )
        except OSError as error:
            raise _failed(f"the command {command[0]!r} cannot be run: {error.strerror}") from error
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise _failed(f"the command {command[0]!r} was not done in {timeout:g} s") from error
        if status != 0:
            raise _failed(f"the command {command[0]!r} ended with status {status}: {_tail(output)}")


def _tail(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _TAIL_BYTES))
    return output.read().decode("utf-8", "replace").strip() or "no output"


def _failed(reason: str) -> EngineError:
    return EngineError(Code.ACTIVATE_FAILED, reason, retryable=True)
