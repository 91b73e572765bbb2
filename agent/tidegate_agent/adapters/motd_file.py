"""ports.Board as a file that pam_motd(8) shows to whoever logs in, where its directory is there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class MotdFile:
    """Touches the file only when there is news; what an earlier agent left behind is news, too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown: tuple[str, ...] | None = None

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines in place of what was shown; nothing when there are none. Never raises."""
        if tuple(lines) == self._shown:
            return
        try:
            if lines:
                self._write("".join(f"{line}\n" for line in lines))
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            if self._path.parent.is_dir():
                logger.warning("{} cannot be written: {}", self._path, error.strerror)
        # One that cannot be written is not tried again for the same news.
        self._shown = tuple(lines)

    def _write(self, text: str) -> None:
        # Readable by all, whole or not at all, and gone with the boot: nothing has to reach the disk.
        beside = self._path.with_name(f".{self._path.name}.new")
        beside.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(beside, flags, 0o644), "w", encoding="utf-8") as file:  # noqa: PTH123 - has no path
            file.write(text)
        beside.replace(self._path)
