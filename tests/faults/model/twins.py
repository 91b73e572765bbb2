"""The model and the real agent, side by side. The same happens to both; then the same is the case.

Both come to rest after each thing that happens: in between, the agent's steps have an order of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from tests.faults.model.environment import Environment
from tests.faults.model.torn import TornRig
from tests.faults.model.world import Kind, Scope
from tests.support.rig import FOLLOW
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent import machine
from tidegate_agent.errors import EngineError
from tidegate_agent.machine.rules import Rules
from tidegate_agent.update.states import (
    Activating,
    Proving,
    RollingBack,
    Settled,
    Staged,
    Staging,
    State,
    Verifying,
    Waiting,
)
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.model.environment import Next
    from tests.faults.model.world import World

BUSY: Final = EngineError(Code.ENGINE_BUSY, "a transaction is in progress", retryable=True)
OUTSIDE: Final = ("the alarm rings", "the time to discard", "the host reboots")
"""What the twins wait for, though it comes by itself."""

METHODS: Final = {"stage": "Stage", "activate": "Activate", "rollback": "Rollback"}

SCOPE: Final = Scope(
    name="twins",
    digests=(OLD, NEW, NEWER),
    statements=20,
    rollouts=(RolloutState.ACTIVE, RolloutState.HELD, RolloutState.REVOKED),
    faults=frozenset({"kill", "power", "guard", "busy"}),
    orders=frozenset({"cancel", "rollback", "hold"}),
    rules=Rules(),
)


@cache
def _environment() -> Environment:
    """One for all twins: what it has worked out once it remembers."""
    return Environment(SCOPE)


@dataclass
class Twins:
    """A host of the model and a host of the real agent.

    Attributes:
        environment, world: the model's.
        rig: the real agent's.
        busy: the method of the image engine that is busy the next time.
        sick: whether what is new does not work.
        refused: whether reboots are.
    """

    environment: Environment = field(default_factory=_environment)
    rig: TornRig = field(default_factory=lambda: TornRig(set()))
    busy: str | None = None
    sick: bool = False
    refused: bool = False

    def __post_init__(self) -> None:
        self.world = self.environment.beginning()
        self.sequence = 0
        self._overdue = False

    # What happens to both

    def say(self, digest: str, rollout: RolloutState) -> None:
        """A statement is published, and comes."""
        self.sequence += 1
        self._take(lambda words: words.endswith(f"is published as {self.sequence}, {rollout}"), digest)
        rollouts = Rollout(seed="seed", state=rollout)
        self.rig.announce(digest, sequence=self.sequence, rollout=rollouts)

    def kill(self) -> None:
        """The agent is killed, and starts again."""
        self._overdue = False
        self._take(lambda words: words == "the agent is killed")
        self.rig.restart()

    def cut_power(self) -> None:
        """The power fails, and comes back."""
        self._overdue = False
        self._take(lambda words: words == "the power fails")
        self._boot(power_cut=True)

    def reboot(self) -> None:
        """The reboot that was accepted comes."""
        self._overdue = False
        if self._take(lambda words: words == "the host reboots as it was asked to"):
            self.rig.agent.stop()
            self._boot()

    def guard(self) -> None:
        """The boot guard's time is over."""
        if self._take(lambda words: words == "the boot guard goes off", settle=False):
            assert self.rig.true_guard.go_off() is not None
            self.reboot()

    def wait(self) -> None:
        """An hour and a minute pass: every alarm rings once."""
        proving = isinstance(self.environment.shell.states[self.world.state], Proving)
        self._overdue = self._overdue or proving
        self._take(lambda words: words == "the alarm rings")
        self.rig.advance(timedelta(minutes=61))

    def order(self, what: str) -> None:
        """A person orders: cancel, rollback or hold, which also lets go on."""
        words: dict[str, str | tuple[str, ...]] = {
            "cancel": "a person cancels",
            "rollback": "a person orders",
            "hold": ("a person h", "a person l"),
        }
        self._take(lambda said: said.startswith(words[what]))
        held = self.rig.journal.hold(FOLLOW)
        self.rig.ask("resume" if what == "hold" and held is not None and held.held else what)

    def trouble(self, method: str) -> None:
        """The image engine is busy the next time that it is asked for this."""
        self.busy = method
        self.rig.engine.recover()
        self.rig.engine.fail(method, BUSY)

    def sicken(self) -> None:
        """What is new turns out not to work, or to work after all."""
        self.sick = not self.sick
        self.rig.bad.clear()
        self.rig.bad.update({NEW, NEWER} if self.sick else ())

    def refuse(self) -> None:
        """Reboots are refused from now on, or accepted."""
        self.refused = not self.refused
        self.rig.host.refusal = "a backup is running" if self.refused else None

    def _boot(self, *, power_cut: bool = False) -> None:
        self.rig.engine.reboot(power_cut=power_cut)
        self.rig.host.boot()
        self.rig.clock.boot()
        self.rig.restart()

    # The model's side

    def _take(self, wanted: Callable[[str], bool], digest: str | None = None, *, settle: bool = True) -> bool:
        """Let happen what is called that, if it can; whether it could."""
        for act, after in self.environment.follows(self.world):
            about = digest is None or (after.published and after.published[-1].digest == digest)  # type: ignore[union-attr]
            if wanted(act.words) and about:
                self.world = after
                if settle:
                    self._settle()
                return True
        return False

    def _settle(self) -> None:
        """Let the model's agent come to rest."""
        while (after := self._next()) is not None:
            self.world = after

    def _next(self) -> World | None:
        possible = [
            (act, after)
            for act, after in self.environment.follows(self.world)
            if act.kind is not Kind.FAULT and not act.words.startswith(OUTSIDE)
        ]
        possible.sort(key=lambda each: (each[0].op is not None, "after the time" not in each[0].words))
        for act, after in possible:
            if self._as_told((act, after)):
                return after
        return None

    def _as_told(self, possible: Next) -> bool:
        """Whether it happens in this way: a tool that is to be busy is, and nothing else goes wrong."""
        act = possible[0]
        if "after the time" in act.words:
            return self._overdue
        if act.op is None:
            return True
        name = type(self.environment.shell.work.ops[act.op].command).__name__
        ending = act.words.rsplit(": ", 1)[1]
        wanted = "well"
        if self.busy is not None and name == METHODS[self.busy]:
            wanted = "busy"
        wanted = "sick" if name == "Prove" and self._runs_sick() else wanted
        wanted = "busy" if name == "Reboot" and self.refused else wanted
        if ending == wanted == "busy" and name != "Reboot":
            self.busy = None
        return ending == wanted

    def _runs_sick(self) -> bool:
        current = self.environment.shell.work.disks[self.world.disk].status.current
        return self.sick and current != OLD

    # Both

    def modelled(self) -> tuple[object, ...]:
        """What is the case in the model."""
        shell, world = self.environment.shell, self.world
        disk = shell.work.disks[world.disk]
        return (
            *summary(shell.states[world.state]),
            disk.status,
            disk.armed,
            shell.memories[world.memory].sequence,
            world.installed,
            world.quarantine,
            world.guard.armed,
            world.guard.fired,
        )

    def real(self) -> tuple[object, ...]:
        """What is the case with the real agent."""
        rig, kept = self.rig, self.rig.journal.recall(FOLLOW)
        armed, fired = rig.true_guard.armed, rig.true_guard.went_off
        return (
            *summary(rig.follower.state),
            rig.engine.disk.status,
            rig.engine.disk.armed,
            kept.memory.sequence,
            kept.installed_sequence,
            frozenset(rig.journal.quarantined(FOLLOW)),
            None if armed is None else armed[0],
            None if fired is None else fired.details["digest"],
        )


def summary(state: State) -> tuple[object, ...]:
    """A state without its times and words; where an update has ended, what it was about and how it did."""
    kept = state.before if isinstance(state, Verifying) else state
    update = machine.update_of(kept)
    if update is None:
        return (kept.kind,)
    target = update.target
    what = (kept.kind, target.digest, target.sequence, target.rollout.state)
    if isinstance(kept, Settled):
        return (*what, kept.outcome)
    return (*what, update.attempt, update.reboots, update.previous, *_details(kept))


def _details(state: State) -> tuple[object, ...]:
    match state:
        case Waiting(wait=wait) | Staged(wait=wait):
            return (None if wait is None else wait.reason,)
        case Staging(lives=lives):
            return (lives,)
        case Activating(lives=lives, asking=asking):
            return lives, asking
        case Proving(round=number, checking=checking, lives=lives):
            return number, checking, lives
        case RollingBack(back_to=back_to, reboots=reboots, tries=tries, asking=asking):
            return back_to, reboots, tries, asking
    return ()
