"""The order of events: what is done, and what has to be seen before the next thing is done."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tidegate_publisher.devstack.rollout_demo.board import Board
from tidegate_publisher.devstack.rollout_demo.checklist import Facts, Key, holds, started
from tidegate_publisher.devstack.rollout_demo.scenario import BAD, FIXED, WAVES
from tidegate_publisher.devstack.rollout_demo.world import World, pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_publisher.devstack.rollout_demo.sight import Sight

PATIENCE_S: Final = 600.0
"""How long an observation may take before the demo has failed, in seconds."""


class NotObservedError(Exception):
    """What has to be observed did not come."""


@dataclass(slots=True)
class Story:
    """One run of the demo.

    Attributes:
        world: what runs.
        board: what is shown.
        facts: what is seen is compared with.
        processes: of the simulator; None leaves it to the number of cores.
        patience_s: how long an observation may take.
    """

    world: World
    board: Board
    facts: Facts
    processes: int | None
    patience_s: float = PATIENCE_S

    def run(self) -> None:
        """Tell it; the board has what was observed.

        Raises:
            TidegateError: a program of the demo failed.
        """
        with suppress(NotObservedError):
            self._prepare()
            self._bad_release()
            self._fixed_release()
            self._account()
        self.board.do("")

    def _prepare(self) -> None:
        self.board.do("make a key pair, images and release files")
        self.world.write_papers()
        self._observe(Key.CLUSTER, "start three nats-servers, one cluster", self.world.start_cluster)
        self.board.do("tidegate collect --store sqlite:///fleet.db")
        self.world.start_collector()
        hosts, processes = self.facts.scenario.hosts, self.processes
        text = f"tidegate dev fleet --hosts {hosts}"
        self._observe(Key.CONNECTED, text, lambda: self.world.start_fleet(processes))

    def _bad_release(self) -> None:
        self.board.do(f"tidegate rollout run release-{BAD}.yaml")
        self.world.start_job(BAD)
        # Its own word is gone by: what the collector knows may be seconds old, and the wave over by then.
        self._wait(Key.CANARIES, lambda sight: sight.leads.get(BAD) == WAVES[1])
        self.board.do("the job opens the second wave: SIGKILL to the broker that leads the cluster")
        killed = self.world.kill_node()
        self._observe(Key.CANARIES, "see what was collected of the canaries, and of the second wave")
        self._observe(Key.PROMOTED)
        self._observe(Key.NODE_LOST)
        self._observe(Key.STOPPED, "more than 2 % of the second wave fail")
        self._observe(Key.HELD, "whoever is under way comes to an end")
        self._observe(Key.BACK, "see what failed hosts run")
        self._observe(Key.NODE_BACK, "start that broker again", lambda: self.world.start_node(killed))

    def _fixed_release(self) -> None:
        text = f"tidegate rollout run release-{FIXED}.yaml"
        self._observe(Key.PROMOTED_ALL, text, lambda: self.world.start_job(FIXED))
        self._observe(Key.FINISHED, f"{FIXED} goes to everybody, those that failed with {BAD} too")
        self._observe(Key.EVERYWHERE, "see what every host runs")

    def _account(self) -> None:
        board = self.board
        board.do("wait until every event is acknowledged and collected")
        self._wait(Key.ACCOUNTED, lambda sight: not sight.fleet.unsent and _all_in(sight))
        board.do("stop the fleet, and compare its ledger with the collector's database, id by id")
        self.world.stop_fleet()
        self._wait(Key.ACCOUNTED, _all_in)
        account = self.world.settle()
        board.see(replace(self.world.look(), account=account))
        self._end(Key.ACCOUNTED, well=account.balanced)
        board.do(f"tidegate report -o report.html: the page on {FIXED}")
        self.world.report()

    def _observe(self, key: Key, text: str = "", act: Callable[[], object] | None = None) -> None:
        """Do something, and wait until the check holds."""
        if text:
            self.board.do(text)
        self.board.begin(key)
        if act is not None:
            act()
        self._wait(key, lambda sight: holds(key, sight, self.facts))
        self._end(key, well=True)

    def _wait(self, key: Key, reached: Callable[[Sight], bool]) -> None:
        """Look until that is seen; give up the story when it is not."""
        deadline = self.board.clock() + self.patience_s
        self.board.begin(key)
        while True:
            sight = self.world.look()
            self.board.see(sight)
            if reached(sight):
                return
            if self.board.clock() >= deadline or self._in_vain(key, sight):
                self._end(key, well=False)
            pause()

    def _in_vain(self, key: Key, sight: Sight) -> bool:
        """Whether a job has ended in another way than the story needs."""
        if key in {Key.PROMOTED_ALL, Key.FINISHED}:
            return sight.exits.get(FIXED, 0) != 0
        early = key is Key.CANARIES and sight.leads.get(BAD) != WAVES[1]
        return sight.exits.get(BAD, 1) != 1 or (early and BAD in sight.exits)

    def _end(self, key: Key, *, well: bool) -> None:
        note = self._note(key) if well else f"not seen: {self._seen()}"
        self.board.end(key, note, well=well)
        if not well:
            raise NotObservedError

    def _note(self, key: Key) -> str:
        sight, scenario = self.board.sight, self.facts.scenario
        notes = {
            Key.CONNECTED: f"{sight.online} hosts",
            Key.CANARIES: f"{scenario.sizes[0]} hosts",
            Key.NODE_LOST: f"{sight.cut_off} connections lost",
            Key.HELD: f"{scenario.hosts - started(sight, BAD)} never began",
            Key.BACK: f"{sight.quarantined.get(self.facts.digests[BAD], 0)} hosts",
            Key.EVERYWHERE: f"{scenario.hosts} hosts",
            Key.ACCOUNTED: f"{sight.events} events",
        }
        return notes.get(key, "")

    def _seen(self) -> str:
        sight = self.board.sight
        jobs = ", ".join(f"{version} ended with {status}" for version, status in sight.exits.items())
        return f"{sight.fleet.connected} connected, {sight.events} events; {jobs or 'no job ended'}"


def _all_in(sight: Sight) -> bool:
    return sight.events >= sight.fleet.created
