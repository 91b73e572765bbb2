"""A day in the life of one host, as fast as it goes: the whole agent on fakes, with the journal on a disk.

`python -m tests.faults.load.soaking FOLDER HOURS RELEASES` plays HOURS simulated hours with RELEASES in each,
and prints after each of them, as a line of JSON, what the process then holds, and in the end what became of
the releases. The host is old: all that its journal bounds has reached its bound before the day begins. What
tests record of fakes is thrown away meanwhile: the agent's memory is measured, not theirs.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from tests.bench import procfs
from tests.fakes.health import HEALTHY, SICK
from tests.fakes.verifier import SIGNER, FakeVerifier, Person
from tests.support.rig import FOLLOW, HOST, TOPICS, Rig
from tests.support.statements import an_event
from tests.support.updates import an_update
from tidegate_agent.adapters.journal_sqlite import HISTORY_KEPT, SqliteJournal
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Failure, Verdict
from tidegate_agent.records import QUARANTINED, RELEASES, Change
from tidegate_agent.requests import RequestPolicy
from tidegate_agent.update.states import Idle, Outcome, Settled
from tidegate_schemas import events
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tidegate_agent.model import Follow

_SIGNED = b"signed:"

COUNTING = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
print(sum(db.execute(f'select count(*) from "{name}"').fetchone()[0] for name in tables))
"""


class ForgetfulVerifier(FakeVerifier):
    """Believes whatever says that it is signed, and remembers nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def sign(self, payload: bytes, signer: Person = SIGNER, signed_at_least: datetime | None = None) -> bytes:
        del signer, signed_at_least
        self._count += 1
        return _SIGNED + b"%d:" % self._count + payload

    def verify(self, follow: Follow, payload: bytes) -> Verdict:
        del follow
        return self.verify_request(payload)

    def verify_request(self, payload: bytes) -> Verdict:
        if not payload.startswith(_SIGNED):
            raise RefusedError(Code.SIGNATURE_MISSING, "nobody signed it")
        return Verdict(payload.split(b":", 2)[2], SIGNER.identity, SIGNER.issuer, None)


class SoakedRig(Rig):
    """A rig whose journal is on a disk and old, and whose fakes forget."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state" / "journal.db"
        self.told: Counter[str] = Counter()
        journal = SqliteJournal(self.path)
        grow_old(journal)
        super().__init__(journal=journal, requests=RequestPolicy())

    def equip(self) -> None:
        self.verifier = ForgetfulVerifier()

    def power_cut(self) -> None:
        """The agent ends in the middle of things; the next one opens the journal anew."""
        self.journal.close()
        self.journal = SqliteJournal(self.path)
        self.restart()

    def forget(self) -> None:
        """Count what the broker was told, and throw away what the fakes have written down."""
        topic = TOPICS.events(HOST)
        for message in self.broker.published:
            if message.topic == topic:
                self.told[events.decode(message.payload, message.properties).data.step] += 1
        self.broker.published.clear()
        self.image.calls.clear()
        self.image.disk.fetched.clear()
        self.verifier.asked.clear()
        self.board.shown.clear()
        self.host.told.clear()
        self.signatures.asked.clear()


def grow_old(journal: SqliteJournal) -> None:
    """Years of releases: what is quarantined, what was tried, and what was told."""
    sick = Failure(Code.HEALTH_FAILED, "the fake is sick")
    given_up = tuple((named(f"bad {number}"), sick) for number in range(QUARANTINED))
    journal.commit(Change(FOLLOW, quarantine=given_up))
    for digest, _ in given_up:
        journal.commit(Change(FOLLOW, state=Settled(an_update(digest), Outcome.ROLLED_BACK)))
    for number in range(RELEASES):
        journal.commit(Change(FOLLOW, state=Settled(an_update(named(f"good {number}")), Outcome.SUCCEEDED)))
    # As long as the longest of a day's: what comes in their place needs no more room.
    long = an_event().data.model_copy(update={"reason": "it was long ago; " * 40})
    told = tuple(
        an_event().model_copy(update={"id": f"old/{number}", "data": long}) for number in range(HISTORY_KEPT)
    )
    journal.commit(Change(FOLLOW, state=Idle(), events=told))
    for letter in journal.unsent(len(told)):
        journal.sent(letter.token)


class Day:
    """Releases without end, of every kind by turns; half of them are given up on, and quarantined."""

    def __init__(self, rig: SoakedRig) -> None:
        self._rig = rig
        self._sequence = 0

    def release(self, digest: str, *, settle: bool = True, state: RolloutState = RolloutState.ACTIVE) -> None:
        """Announce the next release."""
        self._sequence += 1
        self._rig.announce(
            digest,
            settle=settle,
            sequence=self._sequence,
            expires=self._rig.clock.now() + timedelta(days=2),
            rollout=Rollout(seed="seed", state=state),
        )

    def play(self, number: int, lasts: timedelta) -> None:
        """The release of that number, in its share of the day."""
        rig, digest = self._rig, named(number)
        kind = number % 10
        rig.health.answers = [SICK if kind in {1, 2, 4, 5, 6, 8} else HEALTHY]
        if kind == 3:
            rig.image.missing = {digest}
        if kind == 6:
            self.release(digest, settle=False)
            rig.power_cut()
        elif kind == 7:
            self.superseded(number)
        else:
            self.release(digest)
        if kind == 9:
            self.spoken_to(number)
        for _ in range(5):
            rig.advance(lasts / 5)

    def superseded(self, number: int) -> None:
        """Another release comes in the middle of the staging of the first; it is withdrawn later."""
        rig = self._rig

        def meanwhile() -> None:
            rig.image.halfway = lambda: None
            self.release(named(-number), settle=False)

        rig.image.halfway = meanwhile
        self.release(named(number))
        self.release(named(-number), state=RolloutState.REVOKED)

    def spoken_to(self, number: int) -> None:
        """False messages, requests, a person's commands, and a lost connection."""
        rig = self._rig
        rig.say(b"rubbish %d" % number)
        for action in ("hold", "resume", "recheck"):
            rig.request(action)
        rig.send(b"no request %d" % number)
        rig.ask("snooze", **{"for": "1h"})
        rig.broker.cut()
        rig.settle()


def named(release: object) -> str:
    """The digest of a release."""
    return f"sha256:{hashlib.sha256(str(release).encode()).hexdigest()}"


def holding(rig: SoakedRig) -> dict[str, float]:
    """What this process and its database hold."""
    gc.collect()
    pid = os.getpid()
    files = {one.name: one.stat().st_size for one in rig.path.parent.iterdir()}
    # SQLite's log is written anew from its beginning, some thousand pages later.
    log = files.pop("journal.db-wal", 0)
    return {
        "rss_kib": 1024 * procfs.rss_mib(pid),
        "descriptors": procfs.descriptors(pid),
        "threads": threading.active_count(),
        "disk_bytes": sum(files.values()),
        "log_bytes": log,
        "rows": rows(rig.path),
        "objects": len(gc.get_objects()),
    }


def rows(path: Path) -> int:
    """How many rows all tables of a database have together.

    Another process counts: a second connection of this one would share locks and descriptors with the first.
    """
    command = [sys.executable, "-I", "-c", COUNTING, str(path)]
    return int(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


def soak(folder: Path, hours: int, releases: int) -> Iterator[dict[str, float]]:
    """What is held after each hour, then how often each step was told."""
    rig = SoakedRig(folder)
    day = Day(rig)
    for number in range(1, hours * releases + 1):
        day.play(number, timedelta(hours=1) / releases)
        rig.forget()
        if number % releases == 0:
            yield holding(rig)
    yield dict(rig.told)
    rig.agent.stop()
    rig.journal.close()


def main() -> None:
    """See the module."""
    logger.remove()
    folder, hours, releases = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    for line in soak(folder, hours, releases):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
