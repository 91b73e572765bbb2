"""How far a courier is, on disk: the number of the last event that is done with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path


class Cursor:
    """A file with one number. One courier at a time.

    Args:
        path: of the file; its folder has to be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> int | None:
        """The number; None before the first one.

        Raises:
            TidegateError: CONFIG_VALUE, something else is in the file, or it cannot be read.
        """
        try:
            text = self._path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeError) as error:
            raise self._fault(f"cannot be read: {error}") from error
        if not text.isdecimal():
            raise self._fault("holds no number; remove it to begin with what is collected from now on")
        return int(text)

    def write(self, number: int) -> None:
        """Remember a number; after a power cut it is this one or the one before.

        Raises:
            TidegateError: CONFIG_VALUE, the disk does not take it.
        """
        beside = self._path.with_name(f".{self._path.name}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with open(os.open(beside, flags, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor has no path
                file.write(b"%d\n" % number)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise self._fault(f"cannot be written: {error.strerror}") from error

    def _fault(self, what: str) -> TidegateError:
        return TidegateError(Code.CONFIG_VALUE, f"{self._path}, which says what was delivered, {what}")
