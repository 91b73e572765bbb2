"""Running a small program on somebody's behalf: no shell, bounded time and output, nothing left unasked."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from tidegate_agent.plaintext import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OUTPUT_BYTES: Final = 2048
"""How much of a program's output goes into events and logs."""

ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/",
}
"""What every program gets, and nothing else of the agent's own environment."""

_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended. `status` is None when it ran out of time, negative when a signal ended it."""

    status: int | None
    output: str


def run(
    argv: Sequence[str],
    timeout_s: float,
    environment: Mapping[str, str] | None = None,
    output_bytes: int = OUTPUT_BYTES,
    *,
    spare_background: bool = False,
) -> Finished:
    """Run a program to its end, or to the end of its time; then end whatever it started and left.

    Its output is a pipe that is read while it runs and closed at its end: nothing piles up anywhere.

    Args:
        argv: the program and its arguments.
        timeout_s: how long it may take, in seconds.
        environment: variables beside PATH, LANG and HOME; nothing else of the agent's own is passed on.
        output_bytes: how much of its output is kept: the end, where the reason for a failure stands.
        spare_background: let what it started in the background go on, if it ended in time itself. What that
            still writes to the pipe meets SIGPIPE: whoever means to go on sends its output elsewhere.

    Raises:
        OSError: when it cannot be started.
    """
    deadline = time.monotonic() + timeout_s
    with subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=ENVIRONMENT | dict(environment or {}),
        cwd="/",
        # Its own process group, which can be ended as a whole.
        start_new_session=True,
    ) as process:
        output = _Output(process.stdout, output_bytes)
        in_time = False
        try:
            in_time = _await_end(process.pid, output, deadline)
        finally:
            if not (in_time and spare_background):
                # Before the process is reaped, so that its group's number cannot be anybody else's yet.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        output.drain()
    return Finished(status if in_time else None, printable(output.kept))


def printable(raw: bytes) -> str:
    """Foreign output as text that can do no harm to a terminal or a log."""
    return harmless(raw.decode(errors="replace")).strip()


class _Output:
    """The end of what comes out of a pipe."""

    def __init__(self, pipe: IO[bytes] | None, limit: int) -> None:
        if pipe is None:
            raise ValueError("the program was started without a pipe")
        os.set_blocking(pipe.fileno(), False)
        self.kept = b""
        self._pipe = pipe
        self._limit = limit
        self._ended = False

    def wait(self, timeout_s: float) -> None:
        """Return when there is something to read, or after this many seconds."""
        select.select([] if self._ended else [self._pipe], [], [], timeout_s)

    def drain(self) -> None:
        """Read what is there, up to some megabytes: somebody may be writing faster than this reads."""
        for _ in range(64):
            try:
                piece = os.read(self._pipe.fileno(), 65536)
            except BlockingIOError:
                return
            self._ended = not piece
            if self._ended:
                return
            self.kept = (self.kept + piece)[-self._limit :]


def _await_end(pid: int, output: _Output, deadline: float) -> bool:
    """Read until the program itself has ended; False when its time is up before."""
    while not _has_ended(pid):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        output.wait(min(left, _LOOK_S))
        output.drain()
    return True


def _has_ended(pid: int) -> bool:
    """Whether a child has ended, without reaping it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
