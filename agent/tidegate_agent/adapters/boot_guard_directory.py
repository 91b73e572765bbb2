"""The boot guard's directory: states that are names, taken by one rename each (see boot_guard.py)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.whole_file import replace_file, sync_names
from tidegate_agent.process import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_VALUE_BYTES: Final = 4096


class GuardDirectory:
    """What the agent and the script both see. Every call raises OSError when the disk fails."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def arm(self, files: Mapping[str, Sequence[str]]) -> None:
        """Write files, a word on each line, beside what the script reads; then give them the name armed/.

        Durable when it returns. An older decision is forgotten.
        """
        new = self.path / ".new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        for name, words in files.items():
            replace_file(new / name, "".join(f"{word}\n" for word in words).encode())
        self.drop("fired")
        self.drop("armed")
        new.rename(self.path / "armed")
        sync_names(self.path)
        sync_names(self.path.parent)

    def decide(self, files: Mapping[str, Sequence[str]], without: str) -> None:
        """Turn armed/ into fired/ as the script does, with other words and without one of its files."""
        armed = self.path / "armed"
        for name, words in files.items():
            replace_file(armed / name, "".join(f"{word}\n" for word in words).encode())
        (armed / without).unlink(missing_ok=True)
        # Before it counts: with that file back after a power cut, the script would take another decision.
        sync_names(armed)
        armed.rename(self.path / "fired")
        sync_names(self.path)

    def drop(self, state: str) -> None:
        """Take a state's name away at once, then what was below it. A no-op when it is not there."""
        old = self.path / ".old"
        shutil.rmtree(old, ignore_errors=True)
        try:
            (self.path / state).rename(old)
        except FileNotFoundError:
            return
        sync_names(self.path)
        shutil.rmtree(old, ignore_errors=True)

    def has(self, name: str) -> bool:
        """Whether there is a state, or a file in it."""
        return (self.path / name).exists()

    def value(self, name: str) -> str | None:
        """What a file says; None when it is not there."""
        try:
            with (self.path / name).open("rb") as file:
                return printable(file.read(_VALUE_BYTES))
        except FileNotFoundError:
            return None
