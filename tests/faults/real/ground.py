"""Where agents are ended: one site that many lives share, each of them about a new release.

The first life is `killed_agent`, the second the real `tidegate-agent run`, on the same disk and broker.
Longer than the habit, because a ground and the lives on it know each other.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.real import inspection
from tests.faults.real.simulated_host import SimulatedHost
from tests.support.agent_process import SCRIPT
from tests.support.layouts import ImageBuilder, Item, directory, file
from tests.support.site import Site
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


REPOSITORY = Path(__file__).parents[3]
PATIENCE_S = 60.0
"""How long anything may take here: ten times what it takes."""

HEAVY_FILES = 20_000
BIG_FILES = 2_000
HOOK = "hook.sh"
"""What is run at each switch, in the host's directory."""

STOP_S = 30.0
"""How long an orderly stop may take on a busy machine; systemd kills after 90 s."""


@dataclass
class Ground:
    """See the module's docstring.

    Attributes:
        here: the site; its agent does not run between two lives.
        known: processes that were there before the story: brokers.
        release_number: of the newest release.
        kinds: which kind of release a digest is.
        simulated: the host, where it is one that reboots.
        sizes: what the store took when it held releases of these kinds for the first time.
    """

    here: Site
    known: set[int] = field(default_factory=set)
    release_number: int = 0
    kinds: dict[str, str] = field(default_factory=dict)
    sizes: dict[tuple[str, ...], int] = field(default_factory=dict)
    simulated: SimulatedHost | None = None
    _records: int = 0
    _heavy: str = ""

    @property
    def state(self) -> Path:
        """The agent's state directory."""
        return self.here.host.directory / "state"

    def release(self, *, sick: bool = False) -> str:
        """A new release, of the same size as all others."""
        make = self.here.images.sick_release if sick else self.here.images.release
        return self._known_as("sick" if sick else "small", make(self._next_version()))

    def slow_release(self) -> str:
        """A new release of so many files that it takes seconds to stage."""
        if not self._heavy:
            self._heavy = self.here.images.layer(_many_files(HEAVY_FILES, "")).build("heavy")
        return self._known_as("heavy", self._built(self.here.images.upon(self._heavy)))

    def big_release(self) -> str:
        """A new release of many files that no other release has."""
        seed = f"{self.release_number:04}"
        return self._known_as("big", self._built(self.here.images.layer(_many_files(BIG_FILES, seed))))

    def _built(self, begun: ImageBuilder) -> str:
        version = self._next_version()
        return begun.layer([directory("etc"), file("etc/version", version.encode())]).build(version)

    def _next_version(self) -> str:
        self.release_number += 1
        return f"{self.release_number:04}"

    def _known_as(self, kind: str, digest: str) -> str:
        self.kinds[digest] = kind
        return digest

    def tolled_life(self, at: str = "", number: int = signal.SIGKILL, *, lasts_s: float = math.inf) -> Life:
        """Begin a life that a signal meets at a boundary, or a power cut after some seconds."""
        record, config = self._new_record(), self.here.host.config
        command = [sys.executable, "-m", "tests.faults.real.killed_agent", str(config), str(record)]
        more = [at, str(int(number)), "" if self.simulated is None else str(self.simulated.folder)]
        return Life(self, [*command, *more], record, at, lasts_s)

    def ordinary_life(self) -> Life:
        """Begin a life of the real `tidegate-agent run`, which may end at any moment."""
        command = [str(SCRIPT), "--config", str(self.here.host.config), "run"]
        return Life(self, command, self._new_record())

    def hook(self, *lines: str) -> None:
        """Let this be done at each switch, before it is noted; nothing else, if nothing."""
        script = self.here.host.directory / HOOK
        note = f'echo "$TIDEGATE_DIGEST" >> {script.with_name("switches")}'
        script.write_text("\n".join([*lines, note]))

    def _new_record(self) -> Path:
        self._records += 1
        return self.here.host.directory / f"record-{self._records}"

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
    """A life of the agent that a signal meets at a boundary, or a power cut after some time.

    Args:
        ground: where it is lived.
        command: the process.
        record: where the process writes down the boundaries that it reaches.
        at: the boundary.
        lasts_s: after so many seconds it is killed with everything that it started.
    """

    def __init__(
        self, ground: Ground, command: Sequence[str], record: Path, at: str = "", lasts_s: float = math.inf
    ) -> None:
        self._ground = ground
        self._record = record
        self._at = at
        self._began = time.monotonic()
        self._cut = self._began + lasts_s
        host = ground.here.host
        environment = {"PATH": os.environ["PATH"], "HOME": str(host.directory), "LC_ALL": "C.UTF-8"}
        with host.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def age_s(self) -> float:
        """Seconds since its beginning."""
        return time.monotonic() - self._began

    def ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    def passed(self) -> list[str]:
        """The boundaries that were reached, in order."""
        return self._record.read_text().splitlines() if self._record.exists() else []

    def reached(self) -> bool:
        """Whether it came to its own boundary, or to its power cut."""
        return self._at in self.passed() or time.monotonic() > self._cut

    def run_until(self, condition: Callable[[], bool], what: str) -> None:
        """Return when it has ended, when the signal has met it, or when the condition holds."""
        wait_until(lambda: self.ended() or self.reached() or condition(), what, PATIENCE_S)

    def finish(self) -> int:
        """End it in order, or by its power cut, unless it is over; its exit status."""
        if time.monotonic() > self._cut:
            self._cut_power()
        if not self.ended():
            self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired as late:
            self.abandon()
            raise AssertionError(f"an orderly stop took longer than {STOP_S} s") from late
        assert status in (0, -signal.SIGKILL), self._ground.here.host.log.read_text()[-3000:]
        return status

    def abandon(self) -> None:
        """End it anyhow; idempotent."""
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def _cut_power(self) -> None:
        self.abandon()
        # Now that it is dead, what it has started are children of this process.
        while left := inspection.children() - self._ground.known:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _many_files(count: int, seed: str) -> list[Item]:
    files = [file(f"usr/share/{n:05}", f"{seed} {n}".encode()) for n in range(count)]
    return [directory("usr"), directory("usr/share"), *files]
