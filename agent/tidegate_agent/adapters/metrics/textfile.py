"""A file for the textfile collector of node_exporter, written anew every so often.

That collector reads whatever ends in `.prom` whenever it likes, so the file is there whole or not at all; it
is gone once the agent has ended in order. Nothing has to reach the disk: after a boot it is written again.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Final

from loguru import logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from pathlib import Path

_ENDS_WITHIN_S: Final = 1.0


class TextFile:
    """Writes on a thread of its own.

    Args:
        path: of the file; its folder has to be there.
        every: between two writings.
        render: what is written.
    """

    def __init__(self, path: Path, every: timedelta, render: Callable[[], bytes]) -> None:
        self._path = path
        self._every = every
        self._render = render
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._complaint = ""
        self._thread = threading.Thread(target=self._run, name="textfile", daemon=True)

    def start(self) -> None:
        """Write at once, and from then on."""
        self._thread.start()

    def stop(self) -> None:
        """Write no more, and take the file away: what is not told any more must not be believed."""
        with self._lock:
            self._stopped.set()
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
        if self._thread.is_alive():
            self._thread.join(_ENDS_WITHIN_S)

    def _run(self) -> None:
        while not self._stopped.is_set():
            content = self._render()
            with self._lock:
                if not self._stopped.is_set():
                    self._write(content)
            self._stopped.wait(self._every.total_seconds())

    def _write(self, content: bytes) -> None:
        beside = self._path.with_name(f".{self._path.name}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            beside.unlink(missing_ok=True)
            with open(os.open(beside, flags, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor has no path
                file.write(content)
                # node_exporter runs as another user; the agent's umask is no concern of its.
                os.fchmod(file.fileno(), 0o644)
            beside.replace(self._path)
        except OSError as error:
            complaint = f"{self._path} cannot be written: {error.strerror}"
            if complaint != self._complaint:
                logger.warning("metrics.textfile: {}", complaint)
            self._complaint = complaint
        else:
            self._complaint = ""
