"""The demo's children: started with their words in a file, waited for, and ended by their own process id."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from tidegate_publisher.devstack.demo.programs import clean_environment
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

START_S: Final = 30.0
_STOP_S: Final = 10.0
_LOOK_S: Final = 0.02
_TAIL_BYTES: Final = 600


class Child:
    """A program that runs until it is stopped.

    Args:
        name: what to call it in messages.
        code: the code of its failures.
        log: where its output goes.
        command: program and arguments.
    """

    def __init__(self, name: str, code: Code, log: Path, command: Sequence[str]) -> None:
        self._name = name
        self._code = code
        self._log = log
        with log.open("ab") as output:
            # A session of its own: Ctrl-C reaches the demo alone, which ends its children in order.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=clean_environment(os.environ),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], patience_s: float = START_S) -> Self:
        """Return as soon as it is ready.

        Raises:
            TidegateError: it ended, or was not ready within so many seconds.
        """
        deadline = time.monotonic() + patience_s
        while not ready():
            self.require_alive()
            if time.monotonic() >= deadline:
                raise self._failed(f"was not ready within {patience_s:.0f} s")
            time.sleep(_LOOK_S)
        return self

    def require_alive(self) -> None:
        """Raise TidegateError if it has ended."""
        if (status := self._process.poll()) is not None:
            raise self._failed(f"ended with status {status}")

    def ended(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """End it as a power cut would. Idempotent."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def stop(self, patience_s: float = _STOP_S) -> None:
        """End it: politely, then not. Idempotent."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_s)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _failed(self, what: str) -> TidegateError:
        said = self._log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
        return TidegateError(self._code, f"{self._name} {what}; the end of {self._log}:\n{said}")


def free_port() -> int:
    """A port of loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether something listens on this port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
