"""A host in a bad year, around the real agent: its power fails at any call, and all that is done is watched.

Whatever is asked of the image engine or written to the journal is compared with the promises of docs/model.md
at that moment. What breaks one is noted: an exception would only become an event of the agent.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.fakes.engine import FakeEngine
from tests.fakes.guard import FakeBootGuard
from tests.fakes.health import HEALTHY, SICK, FakeHealth
from tests.fakes.journal import FakeJournal
from tests.fakes.reboot_lock import FakeRebootLock, FakeSlots
from tests.support.rig import FOLLOW, Rig
from tests.support.updates import OLD
from tidegate_agent.model import Failure
from tidegate_agent.update.states import Activating, RollingBack, Staged, Staging, State
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.fakes.host import FakeHost
    from tidegate_agent.model import Activation, Health, ImageStatus, ImageTarget, StageProgress, StageResult
    from tidegate_agent.records import Change
    from tidegate_schemas.events import UpdateEvent


class PowerCut(BaseException):
    """The power fails, or the agent is killed. Nothing in the agent may catch it."""


class Fuse:
    """Burns down with every call to the outside; then the power fails."""

    def __init__(self) -> None:
        self.left = 0

    def burn(self) -> None:
        """One call."""
        self.left -= 1
        if self.left == 0:
            raise PowerCut


class Watch:
    """Notes each promise that is broken."""

    def __init__(self) -> None:
        self.broken: list[str] = []

    def expect(self, truth: object, otherwise: str) -> None:
        """Note it where it is not so."""
        if not truth:
            self.broken.append(otherwise)


class TornJournal(FakeJournal):
    """Loses power before or after what it writes; watches what is written."""

    def __init__(self, fuse: Fuse, watch: Watch) -> None:
        super().__init__()
        self._fuse, self._watch = fuse, watch

    def commit(self, change: Change) -> None:
        self._fuse.burn()
        if change.follow is not None:
            self._look(change)
        super().commit(change)
        self._fuse.burn()

    def _look(self, change: Change) -> None:
        kept = self.recall(FOLLOW)
        if change.memory is not None:
            grew = change.memory.sequence >= kept.memory.sequence
            self._watch.expect(grew, "the accepted sequence went back")
        if isinstance(kept.state, Staged) and isinstance(change.state, Activating):
            self._look_at_activation(change.state, kept.memory.sequence)
        known = {event.id: _content(event) for event in self.history(100_000)}
        for event in change.events:
            if event.data.step.final:
                same = known.get(event.id, _content(event)) == _content(event)
                self._watch.expect(same, f"two results are called {event.id}")

    def _look_at_activation(self, state: Activating, accepted: int) -> None:
        target, hold = state.update.target, self.hold(FOLLOW)
        self._watch.expect(target.sequence == accepted, "activated against a newer accepted statement")
        active = target.rollout.state is RolloutState.ACTIVE
        self._watch.expect(active, f"activated what is {target.rollout.state}")
        self._watch.expect(hold is None or not hold.held, "activated while held back by a person")


def _content(event: UpdateEvent) -> tuple[object, ...]:
    return event.data.step, event.data.digest, event.data.code


class TornEngine(FakeEngine):
    """Loses power before or after what it does; watches that the journal asks for it."""

    def __init__(self, fuse: Fuse, watch: Watch, journal: FakeJournal) -> None:
        super().__init__(OLD, reboots=True)
        self._fuse, self._watch, self._journal = fuse, watch, journal

    def status(self) -> ImageStatus:
        self._fuse.burn()
        return super().status()

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        self._fuse.burn()
        if not cancelled():
            self._require(target.digest, Staging)
        done = super().stage(target, progress, cancelled)
        self._fuse.burn()
        return done

    def activate(self, digest: str) -> Activation:
        self._fuse.burn()
        self._require(digest, Activating)
        done = super().activate(digest)
        self._fuse.burn()
        return done

    def rollback(self, digest: str) -> Activation:
        self._fuse.burn()
        state = self._journal.recall(FOLLOW).state
        asked = isinstance(state, RollingBack) and state.back_to == digest
        self._watch.expect(asked, f"went back to {digest[:9]} while the journal says {state.kind}")
        done = super().rollback(digest)
        self._fuse.burn()
        return done

    def discard(self) -> None:
        super().discard()
        self._fuse.burn()

    def _require(self, digest: str, wanted: type[Staging | Activating]) -> None:
        state = self._journal.recall(FOLLOW).state
        asked = isinstance(state, wanted) and state.update.target.digest == digest
        self._watch.expect(asked, f"{wanted.__name__} {digest[:9]} while the journal says {state.kind}")
        quarantined = digest in self._journal.quarantined(FOLLOW)
        self._watch.expect(not quarantined, f"{wanted.__name__} {digest[:9]}, which is in quarantine")


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


class TornRig(Rig):
    """The agent among torn parts. The worker's calls have a queue of their own."""

    def __init__(self, bad: set[str | None]) -> None:
        self.fuse, self.watch, self.slots, self.bad = Fuse(), Watch(), FakeSlots(), bad
        self.slow: deque[Callable[[], None]] = deque()
        self.torn = TornJournal(self.fuse, self.watch)
        super().__init__(journal=self.torn, reboots=True, lock=FakeRebootLock(self.slots))

    def equip(self) -> None:
        self.engine = TornEngine(self.fuse, self.watch, self.torn)
        self.true_guard = TrueGuard(self.fuse, self.engine, self.host)
        self.engines[FOLLOW], self.guard = self.engine, self.true_guard
        self.healths[FOLLOW] = TrueHealth(self.engine, self.bad)

    @property
    def state(self) -> State:
        """What the journal says."""
        return self.journal.recall(FOLLOW).state

    def operating(self, call: Callable[[], None]) -> None:
        self.slow.append(call)

    def work(self, count: int = 1) -> None:
        """Let the worker do so much, and hear nothing of it yet."""
        for _ in range(min(count, len(self.slow))):
            self.slow.popleft()()

    def settle(self) -> None:
        super().settle()
        while self.slow:
            self.work()
            super().settle()

    def restart(self, *, boot: bool = False) -> None:
        self.slow.clear()
        super().restart(boot=boot)


METHODS: Final = ("status", "stage", "activate", "rollback")
