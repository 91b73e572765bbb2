"""A journal's life, over and over, where another call of the kernel's fails each time.

    strace -f -e inject=pwrite64:error=EIO:when=WHEN python -m tests.faults.storage.failing_calls \
        pwrite64 WHEN FOLDER EPISODE…

strace counts the calls of each process for itself. Each episode is a process of its own, which makes
`WHEN - EPISODE` calls about nothing first: so the one that fails is the EPISODE-th of the journal's. Each
prints a line of JSON: the codes that came, or what was wrong.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.faults.storage.journal_life import PLACE, content, parts
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.storage.journal_life import Do

CALLS: Final[dict[str, Callable[[int], object]]] = {
    "pwrite64": lambda file: os.pwrite(file, b"x", 0),
    "fdatasync": os.fdatasync,
    "fsync": os.fsync,
    "ftruncate": lambda file: os.ftruncate(file, 1),
}


def main() -> None:
    name, when, folder, *episodes = sys.argv[1:]
    after = lived(Path(folder))
    for episode in map(int, episodes):
        child = os.fork()
        if child == 0:
            _waste(CALLS[name], int(when) - episode)
            print(json.dumps({"episode": episode, **_told(Path(folder), after)}), flush=True)  # noqa: T201 - the answer
            os._exit(0)
        os.waitpid(child, 0)


def lived(folder: Path) -> list[list[str]]:
    """What the journal holds after each number of changes, where nothing fails."""
    place = folder / "undisturbed"
    place.mkdir()
    with contextlib.closing(SqliteJournal(place / PLACE)) as journal:
        contents = [content(place / PLACE)]
        for step in life():
            step(journal)
            contents.append(content(place / PLACE))
    return contents


def life() -> list[Do]:
    """The changes: all kinds, and small ones."""
    return parts()[0]


def _waste(call: Callable[[int], object], times: int) -> None:
    with tempfile.TemporaryFile() as file:
        for _ in range(times):
            call(file.fileno())


def _told(folder: Path, after: list[list[str]]) -> dict[str, Any]:
    place = Path(tempfile.mkdtemp(dir=folder))
    try:
        return {"codes": _live(place / PLACE, after), "wrong": None}
    except Exception:  # noqa: BLE001 - whatever it is, the test tells it
        return {"codes": [], "wrong": traceback.format_exc()[-2000:]}
    finally:
        shutil.rmtree(place)


def _live(database: Path, after: list[list[str]]) -> list[str]:
    """Live it; what fails is tried again at once. The codes of what failed."""
    codes: list[str] = []
    with contextlib.closing(_opened(database, codes)) as journal:
        for done, step in enumerate(life()):
            try:
                step(journal)
            except JournalError as error:
                codes.append(error.code)
                assert _read(database) == after[done], f"half of change {done} is there"
                step(journal)
            assert _read(database) == after[done + 1], f"change {done} is not there"
    with contextlib.closing(_opened(database, codes)) as again:
        assert again.damage() is None
    assert _read(database) == after[-1], "something is gone after a new opening"
    return codes


def _read(database: Path) -> list[str]:
    """What is there; whoever looks may meet the call that fails, too."""
    try:
        return content(database)
    except sqlite3.OperationalError:
        return content(database)


def _opened(database: Path, codes: list[str]) -> SqliteJournal:
    try:
        return SqliteJournal(database)
    except JournalError as error:
        codes.append(error.code)
        return SqliteJournal(database)


if __name__ == "__main__":
    main()
