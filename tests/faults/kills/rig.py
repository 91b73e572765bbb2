"""The whole agent on fakes, as a harness wants it: each worker has its own queue, and all calls are tapped.

What is queued for the engine's thread runs first, then what the workers have, the slowest last: so an act
that comes in a state finds the work of that state unfinished, as it would be.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tests.fakes.reboot_lock import FakeRebootLock, FakeSlots
from tests.faults.kills.book import Book
from tests.faults.kills.tap import Tap, When, tapped
from tests.faults.kills.truths import TrueEngine, TrueHealth, TrueHost, TrueSignatures, Truth
from tests.support.rig import FOLLOW, Rig
from tidegate_agent.control import Control
from tidegate_agent.requests import RequestPolicy
from tidegate_agent.update.states import Verifying

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.kills.worlds import World
    from tidegate_agent.model import Follow
    from tidegate_agent.update.states import State


class TappedRig(Rig):
    """One host of a world.

    Attributes:
        book: the journal itself, without the tap; `journal` has it.
        slots: the server of the fleet's lock.
        watch: called after every step, of the engine's thread or of a worker.
        midway: whether slow work is under way at this moment.
        slow_verifier: whether verdicts come after everything else.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.tap = Tap(self.kind)
        self.book = Book()
        self.slots = FakeSlots()
        self.watch: Callable[[], None] = lambda: None
        self.midway = False
        self.slow_verifier = False
        self.truth = Truth(world.image, lambda: self.durable)
        self._slow: tuple[deque[Callable[[], None]], ...] = (deque(), deque(), deque())
        super().__init__(
            manners=world.manners,
            journal=tapped(self.book, "journal", self.tap),
            reboots=world.engine.reboots,
            requests=RequestPolicy(),
            lock=tapped(FakeRebootLock(self.slots), "lock", self.tap),
        )

    def equip(self) -> None:
        kind, tap, truth = self.world.engine, self.tap, self.truth
        engine = TrueEngine(truth, reboots=kind.reboots, soft=kind.soft)
        engine.halfway = lambda: tap.cross(When.DURING, "engine.stage")
        engine.amid = self._amid
        self.disk = engine.disk
        self.engines = {FOLLOW: tapped(engine, "engine", tap)}
        self.healths = {FOLLOW: tapped(TrueHealth(truth, engine), "health", tap)}
        self.host = tapped(TrueHost(truth), "host", tap)
        self.guard = tapped(self.guard, "guard", tap)
        self.signatures = tapped(TrueSignatures(truth), "signatures", tap)
        self.verifier = tapped(self.verifier, "verifier", tap)
        self.broker = tapped(self.broker, "broker", tap)

    def lose_journal(self) -> None:
        """The journal was damaged and set aside: the next start finds a new one."""
        self.book = Book()
        self.journal = tapped(self.book, "journal", self.tap)

    @property
    def durable(self) -> State:
        """Where the journal says that the update stands."""
        return self.book.recall(FOLLOW).state

    def kind(self) -> str:
        """The kind of state in which the update stands, verifying included, which no journal knows."""
        durable = self.durable
        agent = getattr(self, "agent", None)
        live = durable if agent is None else agent.followers[0].state
        return live.kind if isinstance(live, Verifying) and live.before == durable else durable.kind

    # Queues

    def verifying(self, call: Callable[[], None]) -> None:
        self._slow[0].append(call)

    def asking(self, call: Callable[[], None]) -> None:
        self._slow[1].append(call)

    def operating(self, call: Callable[[], None]) -> None:
        self._slow[2].append(call)

    def step(self) -> bool:
        if super().step():
            self.watch()
            return True
        verifying, *others = self._slow
        order = (*others, verifying) if self.slow_verifier else self._slow
        return any(self._work(waiting) for waiting in order)

    def _work(self, waiting: deque[Callable[[], None]]) -> bool:
        if not waiting:
            return False
        waiting.popleft()()
        if waiting is self._slow[2]:
            # Its word is on the queue; what comes at this moment may still be heard before it.
            word = list(self._queue)
            self._queue.clear()
            self._amid()
            self._queue.extend(word)
        self.watch()
        return True

    def _amid(self) -> None:
        """Slow work is under way: the engine's thread and the verifier go on meanwhile."""
        self.midway = True
        try:
            self.watch()
            while super().step() or (not self.slow_verifier and self._work(self._slow[0])):
                self.watch()
        finally:
            self.midway = False

    def restart(self, *, boot: bool = False) -> None:
        for waiting in self._slow:
            waiting.clear()
        super().restart(boot=boot)

    def order(self, command: str, **arguments: object) -> dict[str, Any]:
        """A person's command, carried out before anything else that is queued."""
        answers: list[dict[str, Any]] = []
        request = {"command": command, **arguments}
        self.agent.guarded(lambda: answers.append(Control(self.agent, self._nowhere).answer(request)))
        return answers[0]

    def _nowhere(self, follow: Follow, layout: Path) -> None:
        self.layouts[follow] = layout
