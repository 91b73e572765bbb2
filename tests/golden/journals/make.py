"""Makes journals as the code of a checkout writes them.

    cd OLD-CHECKOUT && PYTHONPATH=.:schemas:wire:agent:publisher python make.py FOLDER

One for each state in which an update can be found, dumped right after the change that led there. An image is
in quarantine from before. The broker is away, so that all events of the second update wait. Where that code
knows them, there are an approval, a hold, a request that was used and one that waits, and a snooze.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.health import HEALTHY, SICK
from tests.support import rig as rigs
from tests.support.statements import digest_of
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.manners import Manners
from tidegate_agent.windows import Schedule, Window

try:
    from tidegate_agent.requests import RequestPolicy

    POLICY: dict[str, Any] = {"requests": RequestPolicy()}
except ImportError:
    POLICY = {}

FOLDER = Path(sys.argv[1])
BAD, NEW = digest_of("c"), digest_of("a")
NIGHT = Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),))


class Photographed(SqliteJournal):
    """Dumps itself after every change."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path
        self.shown: dict[str, str] = {}

    def commit(self, change: Any) -> None:
        super().commit(change)
        if getattr(change, "state", None) is not None:
            self.shown[change.state.kind] = dump(self.path)


def dump(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as db:
        (version,) = db.execute("pragma user_version").fetchone()
        return f"PRAGMA user_version = {version};\n" + "\n".join(db.iterdump()) + "\n"


def lived(**how: bool) -> dict[str, str]:
    sick, reboots, night = how["sick"], how["reboots"], how["night"]
    with tempfile.TemporaryDirectory() as scratch:
        journal = Photographed(Path(scratch) / "journal.db")
        rig = rigs.Rig(journal=journal, reboots=reboots, **POLICY)
        rig.health.answers = [SICK]
        rig.announce(BAD, sequence=1)
        for _ in range(12):
            rig.advance(timedelta(minutes=10))
            if reboots:
                rig.restart(boot=True)
        rig.health.answers = [SICK if sick else HEALTHY]
        schedule = NIGHT if night else Schedule()
        rig._manners = Manners(schedule, stage_in_window=how.get("wait", False))  # noqa: SLF001 - old rigs let nobody set them
        rig.restart()
        if POLICY:
            rig.request("recheck")
        journal.shown.clear()
        rig.announce(NEW, sequence=2, expires=rig.clock.now() + timedelta(days=13), settle=False)
        rig.broker.down()
        rig.settle()
        if how.get("words"):
            rig.ask("approve")
            if POLICY:
                rig.ask("hold", reason="the line runs")
                rig.ask("snooze", seconds=3600)
                journal.keep("waiting", rig.verifier.sign(b"a request that nobody judged yet"))
            shown = dict(journal.shown)
            shown["words"] = dump(journal.path)
            torn = FOLDER / "torn"
            torn.mkdir()
            for each in Path(scratch).iterdir():
                shutil.copy(each, torn)
            return shown
        for _ in range(12):
            rig.advance(timedelta(minutes=10))
            if reboots:
                rig.restart(boot=True)
        shown = dict(journal.shown)
        journal.close()
        return shown


def main() -> None:
    shown: dict[str, str] = {}
    lives = [
        {"sick": False, "reboots": False, "night": True, "words": True},
        {"sick": False, "reboots": False, "night": True, "wait": True, "words": False},
        {"sick": False, "reboots": True, "night": False},
        {"sick": True, "reboots": False, "night": False},
    ]
    for how in lives:
        for kind, text in lived(**how).items():
            shown.setdefault(kind, text)
    for kind, text in shown.items():
        (FOLDER / f"{kind}.sql").write_text(text)


main()
