"""Where agents are ended: one site that many lives share, each of them about a new release.

The first life is `killed_agent`, the second the real `tidegate-agent run`, on the same disk and broker.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.real import inspection
from tests.support.layouts import directory, file
from tests.support.site import Site
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable


REPOSITORY = Path(__file__).parents[3]
PATIENCE_S = 60.0
"""How long anything may take here: ten times what it takes."""

HEAVY_FILES = 20_000

STOP_S = 10.0
"""How long an orderly stop may take; systemd kills after 90 s, and an operator's patience ends before."""


@dataclass
class Ground:
    """See the module's docstring.

    Attributes:
        here: the site; its agent does not run between two lives.
        known: processes that were there before the story: brokers.
        release_number: of the newest release.
        sizes: what the store took at the end of each story, by its name.
    """

    here: Site
    known: set[int] = field(default_factory=set)
    release_number: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    _records: int = 0
    _heavy: str = ""

    @property
    def state(self) -> Path:
        """The agent's state directory."""
        return self.here.host.directory / "state"

    def release(self, *, sick: bool = False) -> str:
        """A new release, of the same size as all others."""
        self.release_number += 1
        version = f"{self.release_number:04}"
        return self.here.images.sick_release(version) if sick else self.here.images.release(version)

    def first_life(self, at: str = "", number: int = signal.SIGKILL) -> Life:
        """Begin a life that a signal meets at a boundary."""
        self._records += 1
        return Life(self, self.here.host.directory / f"record-{self._records}", at, number)

    def slow_release(self) -> str:
        """A new release of so many files that it takes seconds to stage."""
        images = self.here.images
        if not self._heavy:
            files = [file(f"usr/share/{n:05}", f"{n}".encode()) for n in range(HEAVY_FILES)]
            self._heavy = images.layer([directory("usr"), directory("usr/share"), *files]).build("heavy")
        self.release_number += 1
        version = f"{self.release_number:04}"
        return (
            images.upon(self._heavy)
            .layer([directory("etc"), file("etc/version", version.encode())])
            .build(version)
        )

    def previous(self) -> list[str]:
        """The digest that ran before, where one is kept."""
        link = self.here.host.store / "previous"
        return [f"sha256:{link.resolve().name}"] if link.exists() else []

    def current(self) -> str:
        """The digest that runs, by the link that applications use."""
        return f"sha256:{(self.here.host.store / 'current').resolve().name}"

    def told_all(self) -> bool:
        """Whether the broker has every event of the journal."""
        return (self.state / "journal.db").exists() and not inspection.unsent(self.state)

    def await_told_all(self) -> None:
        """Return when the broker has every event of the journal, and the watcher too."""
        wait_until(self.told_all, "all events are acknowledged", PATIENCE_S)
        ids = inspection.event_ids(self.state)
        watcher = self.here.watcher
        watcher.wait(lambda: len(watcher.events) >= len(ids), "all events have come", PATIENCE_S)

    def faults(self, generations: set[str]) -> list[str]:
        """What is wrong with what an agent that was stopped has left behind."""
        inspection.await_no_others(self.known)
        told, kept = [event.id for event in self.here.watcher.events], inspection.event_ids(self.state)
        events = [] if told == kept else [f"the broker was told {told[-12:]}, the journal says {kept[-12:]}"]
        store = inspection.store_faults(self.here.host.store, generations)
        return [*events, *inspection.journal_faults(self.state), *store]


class Life:
    """A life of the agent that a signal meets at a boundary."""

    def __init__(self, ground: Ground, record: Path, at: str, number: int) -> None:
        self._ground = ground
        self._record = record
        self._at = at
        host = ground.here.host
        command = [sys.executable, "-m", "tests.faults.real.killed_agent", str(host.config), str(record)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(host.directory), "LC_ALL": "C.UTF-8"}
        with host.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, at, str(int(number))],
                cwd=REPOSITORY,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The agent's process, and its session."""
        return self._process.pid

    def ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    def passed(self) -> list[str]:
        """The boundaries that were reached, in order."""
        return self._record.read_text().splitlines() if self._record.exists() else []

    def reached(self) -> bool:
        """Whether it came to its own boundary."""
        return self._at in self.passed()

    def run_until(self, condition: Callable[[], bool], what: str) -> None:
        """Return when it has ended or the condition holds."""
        wait_until(lambda: self.ended() or self.reached() or condition(), what, PATIENCE_S)

    def finish(self) -> int:
        """Stop it in order, unless it is over; its exit status."""
        if not self.ended():
            self._process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        status = self._process.wait(PATIENCE_S)
        took = time.monotonic() - began
        assert took < STOP_S, f"an orderly stop took {took:.1f} s"
        assert status in (0, -signal.SIGKILL), self._ground.here.host.log.read_text()[-3000:]
        return status
