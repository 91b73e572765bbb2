"""A command at a terminal that a test types at, and reads the screen of."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE_S = 90.0
LEAVES_FULL_SCREEN = b"\x1b[?1049l"


class Terminal:
    """Runs `tidegate` with these words at a pseudo-terminal of 80 by 24. A context manager.

    Attributes:
        shown: everything that was written to the terminal so far.
        process: the command.
    """

    def __init__(self, folder: Path, words: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._words = words
        self._environment = environment
        self._stack = ExitStack()
        self.shown = b""

    def __enter__(self) -> Self:
        self._master, slave = os.openpty()
        self._stack.callback(os.close, self._master)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        # Whether the command leaves the terminal as it was is asked at this end, which stays open.
        self._slave = slave
        self._stack.callback(os.close, slave)
        self.before = termios.tcgetattr(slave)
        script = Path(sys.executable).with_name("tidegate")
        self.process = self._stack.enter_context(
            subprocess.Popen(
                [script, *self._words],
                cwd=self._folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder), **self._environment},
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
            )
        )
        self._stack.callback(self._kill)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def wait_for(self, text: str) -> None:
        """Read until this was written."""
        deadline = time.monotonic() + PATIENCE_S
        while text.encode() not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.shown[-3000:]!r}"
            self._read(0.2)

    def wait(self) -> int:
        """Read until the command ends: its exit status."""
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end: {self.shown[-3000:]!r}"
            self._read(0.2)
        while self._read(0.0):
            pass
        return self.process.returncode

    @property
    def restored(self) -> bool:
        """Whether the terminal is as it was: its settings, the screen, the cursor."""
        alike = termios.tcgetattr(self._slave) == self.before
        return alike and LEAVES_FULL_SCREEN in self.shown and b"\x1b[?25h" in self.shown

    def _read(self, timeout_s: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], timeout_s)
        if ready:
            self.shown += os.read(self._master, 65536)
        return bool(ready)

    def _kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
