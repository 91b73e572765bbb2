"""A host in a bad year: power cuts at every call, boots that fall back, a boot guard that fires, busy tools.

Whatever happens, once it is over the update has ended, the host rests on a healthy image that is the next
boot's too, nothing watches or holds a lock any more, no event is lost, and no good image was given up on for
nothing. Longer than the habit: the world around the agent is what is tested here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.engine import FakeEngine
from tests.fakes.guard import FakeBootGuard
from tests.fakes.health import HEALTHY, SICK, FakeHealth
from tests.fakes.journal import FakeJournal
from tests.fakes.reboot_lock import FakeRebootLock, FakeSlots
from tests.support.rig import FOLLOW, Rig
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.errors import EngineError
from tidegate_agent.machine.rules import Rules
from tidegate_agent.model import Failure
from tidegate_agent.update.states import Activating, Idle, Outcome, Rebooting, Settled, State
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from tests.fakes.host import FakeHost
    from tidegate_agent.model import Activation, Health, ImageStatus
    from tidegate_agent.records import Change

BUSY: Final = EngineError(Code.ENGINE_BUSY, "a transaction is in progress", retryable=True)
METHODS: Final = ("status", "stage", "activate", "rollback")
PACES: Final = tuple(timedelta(seconds=seconds) for seconds in (15, 60, 600, 3600))
BOOTS: Final = 2 * Rules().reboots + 2


class PowerCut(BaseException):
    """The power fails. Nothing in the agent may catch it."""


class Fuse:
    """Burns down with every call to the outside."""

    left = 0

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise PowerCut


class TornEngine(FakeEngine):
    """Loses power before or after what it does."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__(OLD, reboots=True)
        self._fuse = fuse

    def status(self) -> ImageStatus:
        self._fuse.burn()
        return super().status()

    def activate(self, digest: str) -> Activation:
        self._fuse.burn()
        done = super().activate(digest)
        self._fuse.burn()
        return done

    def rollback(self, digest: str) -> Activation:
        self._fuse.burn()
        done = super().rollback(digest)
        self._fuse.burn()
        return done

    def discard(self) -> None:
        super().discard()
        self._fuse.burn()


class TornJournal(FakeJournal):
    """Loses power before or after what it writes."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    def commit(self, change: Change) -> None:
        self._fuse.burn()
        super().commit(change)
        self._fuse.burn()


class TrueGuard(FakeBootGuard):
    """Keeps its decision until the host is back in the image in which it was armed, as the real one does."""

    def __init__(self, fuse: Fuse, engine: FakeEngine, host: FakeHost) -> None:
        super().__init__()
        self._fuse, self._engine, self._host = fuse, engine, host
        self._place: tuple[int, str | None] = (0, None)

    def arm(self, digest: str, fallback: Sequence[str]) -> None:
        self._fuse.burn()
        super().arm(digest, fallback)
        self._place = self._host.boots, self._engine.disk.status.current
        self._fuse.burn()

    def disarm(self) -> None:
        self._fuse.burn()
        self.armed = None
        if self._engine.disk.status.current == self._place[1]:
            self.went_off = None
        self._fuse.burn()

    def go_off(self) -> str | None:
        """The deadline passes. The image that is left; None where none is."""
        boots, place = self._place
        current = self._engine.disk.status.current
        if self.armed is None or boots == self._host.boots or place == current:
            return None
        self.went_off = Failure(Code.BOOT_DEADLINE, "no word from the agent", {"digest": self.armed[0]})
        self.armed = None
        disk = self._engine.disk
        disk.armed, disk.status = False, replace(disk.status, staged=None, rollback_queued=True)
        return current


class TrueHealth(FakeHealth):
    """Says of each image what is true of it."""

    def __init__(self, engine: FakeEngine, bad: set[str | None]) -> None:
        super().__init__()
        self._engine, self._bad = engine, bad

    def run(self) -> Health:
        return SICK if self._engine.disk.status.current in self._bad else HEALTHY


class Host:
    """A host, what happens to it, and what may be held against each image."""

    def __init__(self, chance: Random) -> None:
        self.chance, self.fuse, self.slots = chance, Fuse(), FakeSlots()
        self.bad: set[str | None] = {each for each in (NEW, NEWER) if chance.random() < 0.3}
        self.dead: set[str | None] = {each for each in (NEW, NEWER) if chance.random() < 0.1}
        self.blamed: Counter[str | None] = Counter()
        self.lost: Counter[str] = Counter()
        self.rig = Rig(journal=TornJournal(self.fuse), reboots=True, lock=FakeRebootLock(self.slots))
        self.engine = TornEngine(self.fuse)
        self.guard = TrueGuard(self.fuse, self.engine, self.rig.host)
        self.rig.engines[FOLLOW], self.rig.guard = self.engine, self.guard
        self.rig.healths[FOLLOW] = TrueHealth(self.engine, self.bad)
        self.rig.restart()
        self.sequence, self.reboots = 0, 0

    @property
    def state(self) -> State:
        return self.rig.journal.recall(FOLLOW).state

    @property
    def due(self) -> bool:
        """Whether a reboot was accepted and did not come yet."""
        return len(self.rig.host.reboots) > self.reboots

    def do(self, what: Callable[[], None]) -> None:
        """Do something, and come up again as often as the power fails meanwhile."""
        while True:
            try:
                what()
            except PowerCut:
                what = lambda: self.boot(power_cut=True)  # noqa: E731
            else:
                return

    def announce(self, digest: str) -> None:
        self.sequence += 1
        self.rig.announce(digest, sequence=self.sequence)

    def boot(self, *, power_cut: bool = False) -> None:
        disk = self.engine.disk
        order = [disk.status.current, disk.status.previous]
        if disk.armed and not power_cut:
            order = [disk.status.staged, disk.status.current]
        elif disk.status.rollback_queued:
            order.reverse()
        falls_back = order[0] in self.dead and order[1] is not None
        self.blamed[order[0]] += falls_back
        state = self.state
        self.engine.reboot(power_cut=power_cut, falls_back=falls_back)
        if isinstance(state, Activating | Rebooting):
            self.lost[state.update.target.digest] += disk.status.current != state.update.target.digest
        self.reboots = len(self.rig.host.reboots)
        self.rig.host.boot()
        self.rig.restart()

    def go_off(self) -> None:
        left = self.guard.go_off()
        if left is not None:
            self.blamed[left] += 1
            self.boot()

    def suffer(self) -> None:
        """One thing happens, at any moment."""
        match self.chance.randrange(8):
            case 0 | 1:
                self.do(lambda: self.announce(self.chance.choice([OLD, NEW, NEWER])))
            case 2:
                self.fuse.left = self.chance.randint(1, 40)
            case 3:
                self.do(lambda: self.rig.advance(self.chance.choice(PACES)))
            case 4:
                self.do(self.rig.restart)
            case 5:
                self.rig.host.refusal = self.chance.choice([None, "a backup is running"])
            case 6:
                self.engine.fail(self.chance.choice(METHODS), *[BUSY] * self.chance.randint(1, 3))
            case _ if self.due:
                self.do(lambda: self.boot(power_cut=self.chance.random() < 0.2))
            case _:
                self.do(self.go_off)

    def calm_down(self) -> None:
        """Nothing happens any more but what was asked for, for some days."""
        self.fuse.left, self.rig.host.refusal = 0, None
        self.engine.recover()
        boots = self.rig.host.boots
        for _ in range(40):
            if self.due:
                self.boot()
            else:
                self.rig.advance(timedelta(hours=3))
        assert self.rig.host.boots - boots <= BOOTS

    def check(self) -> None:
        disk, state = self.engine.disk, self.state
        assert isinstance(state, Idle | Settled)
        assert disk.status.current not in self.bad | self.dead
        assert (disk.armed, disk.status.rollback_queued) == (False, False)
        assert self.guard.armed is None
        assert self.slots.holders == set()
        told = {event.id for event in self.rig.events()}
        assert {event.id for event in self.rig.journal.history(100_000)} <= told
        if isinstance(state, Settled) and state.outcome is Outcome.SUCCEEDED:
            assert disk.status.current == state.update.target.digest
        for digest in set(self.rig.journal.quarantined(FOLLOW)) - self.bad - self.dead:
            assert self.blamed[digest] or self.lost[digest] >= Rules().reboots


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 25))
def test_a_host_comes_through_whatever_happens(chance: Random, troubles: int) -> None:
    host = Host(chance)
    for _ in range(troubles):
        host.suffer()
    host.calm_down()
    host.check()
