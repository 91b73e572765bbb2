"""Which generation is current, which was before it, which is staged: three links behind one.

    current  -> links/current         what applications use; these three never change
    previous -> links/previous
    staged   -> links/staged
    links    -> .links/7              replaced by one rename(2), which switches all three at once
    .links/7/current -> ../../generations/HEX

There is no moment between two renames for a kill or a power cut to hit: a reader sees all of the old state
or all of the new one. A switch whose hook has not succeeded yet carries the mark `pending`, so that whoever
comes after a crash knows to run it again.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

from tidegate_agent.engines.embedded.folders import make_folder
from tidegate_agent.engines.images.durable import sync_directory

if TYPE_CHECKING:
    from pathlib import Path

_LINKS = "links"
_STATES = ".links"
_PENDING = "pending"


class Pointers(NamedTuple):
    """Generations by name: the hex part of the announced digest, or None."""

    current: str | None = None
    previous: str | None = None
    staged: str | None = None


class Generations:
    """The pointers of one store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._states = root / _STATES

    def prepare(self) -> None:
        """Make the links that never change."""
        make_folder(self._states, 0o755)
        for name in Pointers._fields:
            if not (self._root / name).is_symlink():
                (self._root / name).symlink_to(f"{_LINKS}/{name}")

    def read(self) -> Pointers:
        """The pointers at this moment."""
        state = self._state()
        if state is None:
            return Pointers()
        return Pointers(*(_target(state / name) for name in Pointers._fields))

    @property
    def pending(self) -> bool:
        """Whether the last switch's hook has still to succeed."""
        state = self._state()
        return state is not None and (state / _PENDING).exists()

    def settle(self) -> None:
        """Note that the last switch's hook succeeded."""
        state = self._state()
        if state is not None:
            (state / _PENDING).unlink(missing_ok=True)

    def switch(self, pointers: Pointers, *, pending: bool = False) -> None:
        """Replace all pointers in one step, durably."""
        old = self._state()
        state = self._states / str(int(old.name) + 1 if old else 1)
        if state.exists():
            shutil.rmtree(state)  # an attempt that was killed before its rename
        make_folder(state, 0o755)
        for name, generation in pointers._asdict().items():
            if generation is not None:
                (state / name).symlink_to(f"../../generations/{generation}")
        if pending:
            (state / _PENDING).touch()
        sync_directory(state)
        sync_directory(self._states)
        self._replace(f"{_STATES}/{state.name}")
        if old is not None:
            shutil.rmtree(old)

    def sweep(self) -> None:
        """Remove sets of links that are not in force: a switch was killed before it removed them."""
        state = self._state()
        for each in list(self._states.iterdir()):
            if state is None or each.name != state.name:
                shutil.rmtree(each)

    def _replace(self, target: str) -> None:
        temporary = self._root / f"{_LINKS}.new"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.rename(self._root / _LINKS)
        sync_directory(self._root)

    def _state(self) -> Path | None:
        target = _target(self._root / _LINKS)
        return None if target is None else self._states / target


def _target(link: Path) -> str | None:
    """The last part of where a link leads, or None when there is no link."""
    try:
        return link.readlink().name
    except FileNotFoundError:
        return None
