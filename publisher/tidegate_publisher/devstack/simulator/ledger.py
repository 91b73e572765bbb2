"""Every event's id, when it was created and when the broker acknowledged it: what accounting begins with.

One line each, `created ID` and `acknowledged ID`. Several processes append to one file: lines are written
whole, many at a time (write(2) with O_APPEND).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from pathlib import Path

CREATED: Final = "created"
ACKNOWLEDGED: Final = "acknowledged"
_ENOUGH: Final = 512


class Ledger:
    """A context manager. Without a path it writes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lines: list[str] = []
        self._file = -1

    def __enter__(self) -> Self:
        if self._path is not None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file >= 0:
            self.flush()
            os.close(self._file)
            self._file = -1

    def created(self, name: str) -> None:
        """An event is in an outbox."""
        self._add(CREATED, name)

    def acknowledged(self, name: str) -> None:
        """The broker has it."""
        self._add(ACKNOWLEDGED, name)

    def flush(self) -> None:
        """Write what there is."""
        if self._file >= 0 and self._lines:
            os.write(self._file, "".join(self._lines).encode())
            self._lines.clear()

    def _add(self, what: str, name: str) -> None:
        if self._file >= 0:
            self._lines.append(f"{what} {name}\n")
            if len(self._lines) >= _ENOUGH:
                self.flush()


def read_ledger(path: Path) -> tuple[set[str], set[str]]:
    """The ids that were created, and those that were acknowledged."""
    found: dict[str, set[str]] = {CREATED: set(), ACKNOWLEDGED: set()}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            what, _, name = line.rstrip("\n").partition(" ")
            found[what].add(name)
    return found[CREATED], found[ACKNOWLEDGED]
