"""A journal's life in steps: each is one change on disk, there whole or not at all.

`python -m tests.faults.storage.journal_life FOLDER MARKS` lives it, and says after each step that it is done.
The steps bring everything that the journal keeps; enough for SQLite to move its log into the database by
itself, and an end and a new beginning in between.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from tests.support.statements import NOON, an_event, digest_of
from tests.support.updates import EVERY_STATE, FAILURE
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.admission import Memory
from tidegate_agent.model import Follow
from tidegate_agent.records import Approval, Change, Decided, Hold, Snooze, Spent
from tidegate_schemas.events import Step

FOLLOW: Final = Follow("os", "stable")
PLACE: Final = "state/journal.db"

Do = Callable[[SqliteJournal], object]


def parts() -> list[list[Do]]:
    """The changes, in order; the journal is closed and opened again between the parts."""
    first: list[Do] = [lambda journal: journal.begin()]
    for number, state in enumerate(EVERY_STATE):
        first += _update(number, Change(FOLLOW, state=state, memory=Memory(number + 1, "print", 0, NOON)))
    first += [_commit(each) for each in _words()]
    first.append(lambda journal: journal.keep("request", b"a request" * 99))
    spent = Spent("nonce", NOON + timedelta(hours=1), NOON)
    first.append(_commit(Change(None, decided=Decided("request", spent), events=(an_event(Step.ANSWERED),))))
    second: list[Do] = [lambda journal: journal.begin()]
    # Statements of nearly the greatest size: that many fill the log of 1000 pages, and a few more.
    for number in range(68):
        message = digest_of(f"{number % 16:x}"), bytes([number]) * 60_000
        second.append(_commit(Change(FOLLOW, message=message, installed_sequence=number)))
    second += _update(99, Change(FOLLOW, memory=Memory(99, "last", 0, NOON)))
    return [first, second]


def _update(number: int, change: Change) -> list[Do]:
    """A change with an event, and the broker's word that it has the event."""
    event = an_event().model_copy(update={"id": f"edge-1/os/stable/{number}"})
    changed = Change(FOLLOW, state=change.state, memory=change.memory, events=(event,))
    return [_commit(changed), lambda journal: journal.sent(journal.unsent(1)[0].token)]


def _words() -> list[Change]:
    held = Hold(held=True, by="ann", reason="the line runs", ordered_at=NOON)
    return [
        Change(FOLLOW, quarantine=((digest_of("f"), FAILURE), (digest_of("e"), FAILURE))),
        Change(FOLLOW, approval=Approval(digest_of("a"), at_once=True), clock_floor=NOON),
        Change(FOLLOW, snooze=Snooze(digest_of("a"), NOON, NOON + timedelta(days=1))),
        Change(None, holds=((FOLLOW, held), (Follow("os", "beta"), held))),
        Change(FOLLOW, pardon=(digest_of("e"),)),
    ]


def _commit(change: Change) -> Do:
    return lambda journal: journal.commit(change)


def content(database: Path) -> list[str]:
    """All that a journal holds, in words."""
    with contextlib.closing(sqlite3.connect(database)) as db:
        return list(db.iterdump())


def live(folder: Path, told: Callable[[int], object]) -> None:
    """Live it; `told` is called with the number of changes done so far, first with 0: it is open."""
    done = 0
    for part in parts():
        with contextlib.closing(SqliteJournal(folder / PLACE)) as journal:
            told(done)
            for step in part:
                step(journal)
                done += 1
                told(done)


def main() -> None:
    folder, marks = map(Path, sys.argv[1:])
    with marks.open("a", buffering=1, encoding="ascii") as file:
        live(folder, lambda done: file.write(f"{done}\n"))


if __name__ == "__main__":
    main()
