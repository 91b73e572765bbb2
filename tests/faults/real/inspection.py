"""What an agent may leave behind when it has ended: looked up on the disk and among the processes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PR_SET_CHILD_SUBREAPER = 36
"""prctl(2): orphans below this process become its children."""

JOURNAL_FILES = {"journal.db", "journal.db-wal", "journal.db-shm", "safeguard.json", "agent.lock"}


def rows(state: Path, query: str) -> list[tuple[object, ...]]:
    """What the journal answers; it may be in use."""
    with contextlib.closing(sqlite3.connect(f"file:{state / 'journal.db'}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()


def event_ids(state: Path) -> list[str]:
    """The journal's events, in order."""
    return [str(each) for (each,) in rows(state, "select id from event order by token")]


def unsent(state: Path) -> bool:
    """Whether an event is not acknowledged yet."""
    return bool(rows(state, "select 1 from event where sent = 0"))


def journal_faults(state: Path) -> list[str]:
    """What is wrong with the state directory; the agent does not run."""
    found = [f"integrity_check: {each}" for (each,) in rows(state, "pragma integrity_check") if each != "ok"]
    foreign = {each.name for each in state.iterdir()} - JOURNAL_FILES
    return found + [f"the state directory holds {name}" for name in sorted(foreign)]


def store_faults(store: Path, expected: set[str]) -> list[str]:
    """What is wrong with the store of an embedded engine that rests; `expected` are its generations."""
    found = []
    there = {f"sha256:{each.name}" for each in (store / "generations").iterdir()}
    if there != expected:
        found.append(f"the generations are {sorted(there)}, not {sorted(expected)}")
    found += [f"left in incoming: {each}" for each in sorted((store / "incoming").glob("*/*"))]
    states = [each.name for each in (store / ".links").iterdir()]
    if len(states) != 1:
        found.append(f"more than one set of links: {sorted(states)}")
    if list((store / ".links").glob("*/pending")):
        found.append("a switch is not settled")
    lonely = [each for each in (store / "objects").glob("*/*") if each.stat().st_nlink == 1]
    return found + [f"no generation has {each}" for each in lonely]


def file_bytes(store: Path) -> int:
    """Bytes in the files of a store, each inode counted once: what folders take grows with their past."""
    files = {one.st_ino: one.st_size for path in store.rglob("*") if path.is_file() for one in [path.lstat()]}
    return sum(files.values())


@contextlib.contextmanager
def reaping() -> Iterator[None]:
    """A block in which orphans of this process's children are not lost to init."""
    _subreaper(on=True)
    try:
        yield
    finally:
        _subreaper(on=False)


def children() -> set[int]:
    """The living children of this process; orphans that have ended are reaped."""
    living = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                living.add(int(stat.parent.name))
    return living


def await_no_others(than: set[int]) -> None:
    """Return when no child runs beside these: what an agent has started has ended with it."""

    def told(pid: int) -> str:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        return ""

    try:
        wait_until(lambda: children() <= than, "nothing runs any more")
    except AssertionError as error:
        raise AssertionError(f"{error}: {[told(pid) for pid in children() - than]}") from error


def _subreaper(*, on: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
