"""One run of a program: watched through one selector, ended with its whole process group.

No thread and no timer of its own: the caller waits in `attend`, which looks at the pipes, at the clock and at
whether the outcome is still wanted.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from contextlib import closing, contextmanager, suppress
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tidegate_agent.engines.patience import Patience
    from tidegate_agent.engines.sinks import Sink

_CHUNK: Final = 64 * 1024
_GRACE_S: Final = 2.0
"""How long a program that is not wanted any more may tidy up, between SIGTERM and SIGKILL."""
_LAST_PIECES: Final = 64
_NO_SINKS: Final[Mapping[int, Sink]] = MappingProxyType({})


class Unstartable(Exception):  # noqa: N818 - like its siblings, turned into an EngineError by `tool`
    """A program could not be started. Its cause is the OSError."""


class ProgressPipe:
    """A pipe beside the standard ones, for a program that reports its progress on a descriptor of its own."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self._open = {self.reading, self.writing}

    def hand_over(self) -> None:
        """The program has its end now: close ours, so that the pipe ends with the program."""
        self._close({self.writing})

    def close(self) -> None:
        """Close what is open. Idempotent."""
        self._close({self.reading, self.writing})

    def _close(self, descriptors: set[int]) -> None:
        for descriptor in self._open & descriptors:
            os.close(descriptor)
        self._open -= descriptors


@contextmanager
def started(
    argv: Sequence[str],
    environment: Mapping[str, str],
    stdin: bytes | IO[bytes] | None = None,
    inherit: tuple[int, ...] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program in a session of its own; at the end it is gone, with all of its process group.

    Args:
        argv: program and arguments; no shell.
        environment: the whole environment.
        stdin: what it reads: bytes, an open file or pipe, or nothing.
        inherit: file descriptors that it gets beside the standard ones.

    Raises:
        Unstartable: it cannot be started.
    """
    try:
        with _readable(stdin) as source:
            process = subprocess.Popen(
                list(argv),
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                cwd="/",
                start_new_session=True,
                pass_fds=inherit,
                # The agent's unit has 0077; what tools make of images has to be readable by the host's users.
                umask=0o022,
            )
    except OSError as error:
        raise Unstartable from error
    try:
        yield process
    finally:
        end(process)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def attend(
    process: subprocess.Popen[bytes],
    sinks: tuple[Sink, Sink],
    patience: Patience,
    extra: Mapping[int, Sink] = _NO_SINKS,
) -> int:
    """Feed the sinks from their pipes until the program has ended; its exit status, negative for a signal.

    What it left running in its process group is ended then, and what is still in the pipes is read.

    Args:
        process: a program that was just started.
        sinks: what takes its stdout, and what its stderr.
        patience: how long this waits.
        extra: more descriptors to read, and what takes what comes out of them.

    Raises:
        TimeUp: its time is up.
        Cancelled: the caller does not want it any more.
        TooMuch: a sink took no more. Whatever else a sink raises comes through too.
    """
    outlets = dict(extra)
    for pipe, sink in zip((process.stdout, process.stderr), sinks, strict=True):
        if pipe is not None:
            outlets[pipe.fileno()] = sink
    with _exit_of(process) as ended, closing(selectors.DefaultSelector()) as selector:
        selector.register(ended, selectors.EVENT_READ)
        for descriptor, sink in outlets.items():
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ, sink)
        while not _pump(selector, ended, patience.look()):
            pass
    status = end(process)
    for descriptor, sink in outlets.items():
        _drain(descriptor, sink)
    return status


def end(process: subprocess.Popen[bytes]) -> int:
    """End a program and its group, with a moment to tidy up if it still runs. Idempotent."""
    if process.returncode is not None:
        return process.returncode
    # Looked at and not reaped: as long as it is a zombie, nobody else can be given the number of its group.
    if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        _signal_group(process, signal.SIGTERM)
        _await_end(process)
    _signal_group(process, signal.SIGKILL)
    return process.wait()


def _await_end(process: subprocess.Popen[bytes]) -> None:
    with _exit_of(process) as ended, closing(selectors.DefaultSelector()) as selector:
        selector.register(ended, selectors.EVENT_READ)
        selector.select(_GRACE_S)


@contextmanager
def _exit_of(process: subprocess.Popen[bytes]) -> Iterator[int]:
    """A descriptor that turns readable when the process has ended (pidfd_open(2))."""
    descriptor = os.pidfd_open(process.pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _pump(selector: selectors.BaseSelector, ended: int, wait_s: float) -> bool:
    """Read what is there, one piece from each pipe; whether the program has ended."""
    over = False
    for key, _ in selector.select(wait_s):
        if key.fd == ended:
            over = True
        elif piece := _read(key.fd):
            key.data(piece)
        elif piece is not None:
            selector.unregister(key.fd)
    return over


def _drain(descriptor: int, sink: Sink) -> None:
    """Read the rest; not for ever, as what left the group for a session of its own may go on writing."""
    for _ in range(_LAST_PIECES):
        if not (piece := _read(descriptor)):
            return
        sink(piece)


def _read(descriptor: int) -> bytes | None:
    """What is there to read: nothing at the end of the pipe, None when there is nothing yet."""
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return None


@contextmanager
def _readable(stdin: bytes | IO[bytes] | None) -> Iterator[int | IO[bytes]]:
    if stdin is None:
        yield subprocess.DEVNULL
    elif not isinstance(stdin, bytes):
        yield stdin
    else:
        # A file in memory, not a pipe: a program that does not read cannot block us; and no disk is needed.
        with os.fdopen(os.memfd_create("stdin", os.MFD_CLOEXEC), "wb") as memory:
            memory.write(stdin)
            memory.flush()
            memory.seek(0)
            yield memory
