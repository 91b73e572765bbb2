"""One question to a process that may hang, flood or die: a capped answer within a deadline, or an error."""

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
    if process.stdout is not None:
        process.stdout.close()
    return process.wait()
