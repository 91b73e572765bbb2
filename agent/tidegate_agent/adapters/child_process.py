"""Questions to a process that may hang, flood or die: a capped answer within a deadline, or an error.

`ask` runs a process for one question, `converse` starts one for several.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CHUNK: Final = 64 * 1024
_GLANCE_S: Final = 0.002


class ChildError(Exception):
    """The process gave no usable answer. The text says how it ended, for a sentence."""


def ask(
    command: Sequence[str], question: bytes, *, environment: Mapping[str, str], timeout_s: float, cap: int
) -> bytes:
    """Run a process with the question on its stdin, and return what it printed.

    The process gets its own session and `/` as working directory. It is gone when this returns, with
    whatever it started in its process group.

    Args:
        command: program and arguments; no shell.
        question: bytes for stdin.
        environment: the whole environment.
        timeout_s: seconds from start to exit.
        cap: the largest answer in bytes.

    Raises:
        ChildError: it could not be started, printed too much, took too long or ended with anything but 0.
    """
    deadline = time.monotonic() + timeout_s
    process = _start(command, question, environment)
    try:
        answer = _read(process, deadline, cap)
        _await_exit(process, deadline)
    except TimeoutError as error:
        raise ChildError(f"it took longer than {timeout_s:g} s") from error
    finally:
        status = _end(process)
    if status != 0:
        raise ChildError(f"it was killed by signal {-status}" if status < 0 else f"it exited with {status}")
    return answer


class Pipes:
    """A process that is running, and the pipes to and from it. Nothing it does blocks the caller."""

    def __init__(self, process: subprocess.Popen[bytes], questions: int, answers: int) -> None:
        self._process = process
        self._questions = questions
        self._answers = answers
        os.set_blocking(questions, False)

    def talks(self) -> bool:
        """Whether there is something to read: words, or its end."""
        return bool(select.select([self._answers], [], [], 0)[0])

    def write(self, data: bytes, deadline: float) -> None:
        """Hand bytes over. Raises TimeoutError at the deadline (monotonic, s); ChildError when it is gone."""
        left = memoryview(data)
        while left:
            if not select.select([], [self._questions], [], max(0.0, deadline - time.monotonic()))[1]:
                raise TimeoutError
            try:
                left = left[os.write(self._questions, left[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise ChildError(f"it took no question: {error.strerror}") from error

    def read(self, length: int, deadline: float) -> bytes:
        """That many bytes. Raises as `write`."""
        data = bytearray()
        while len(data) < length:
            if not select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError
            chunk = os.read(self._answers, min(_CHUNK, length - len(data)))
            if not chunk:
                raise ChildError("it ended without an answer")
            data += chunk
        return bytes(data)

    def end(self) -> None:
        """Kill it, with whatever it started in its process group. Once."""
        _end(self._process)


def converse(command: Sequence[str], environment: Mapping[str, str]) -> Pipes:
    """Start a process with a pipe to its stdin and one from its stdout, otherwise as `ask` does.

    Raises:
        ChildError: it could not be started.
    """
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise ChildError(f"it could not be started: {error.strerror}") from error
    if process.stdin is None or process.stdout is None:
        _end(process)
        raise ChildError("it has no pipes")
    return Pipes(process, process.stdin.fileno(), process.stdout.fileno())


def _start(
    command: Sequence[str], question: bytes, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    # A file in memory, not a pipe: a process that does not read cannot block us; and no disk is needed.
    descriptor = os.memfd_create("question", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, question)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return subprocess.Popen(
            list(command),
            stdin=descriptor,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise ChildError(f"it could not be started: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _read(process: subprocess.Popen[bytes], deadline: float, cap: int) -> bytes:
    if process.stdout is None:
        raise ChildError("it has no output")
    descriptor = process.stdout.fileno()
    answer = bytearray()
    while True:
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not select.select([descriptor], [], [], remaining)[0]:
            raise TimeoutError
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            return bytes(answer)
        answer += chunk
        if len(answer) > cap:
            raise ChildError(f"it printed more than {cap} bytes")


def _await_exit(process: subprocess.Popen[bytes], deadline: float) -> None:
    # Looked at and not reaped: as long as it is a zombie, nobody else can be given the number of its group.
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_GLANCE_S)


def _end(process: subprocess.Popen[bytes]) -> int:
    os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    return process.wait()
