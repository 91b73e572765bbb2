"""What the agent's worker does: the real `Operations`, on the image engine that passes the port's contract.

Every piece of work is a function of the host's disk, its boot guard and what goes wrong, and is done once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tests.fakes.engine import FakeDisk, FakeEngine
from tests.fakes.health import HEALTHY, SICK
from tests.fakes.host import FakeHost
from tests.fakes.journal import FakeJournal
from tests.fakes.signatures import FakeImageSignatures
from tests.fakes.verifier import FakeVerifier
from tests.faults.model.canonical import bare_event
from tests.faults.model.world import EVIL, Guard, Names, World
from tests.support.rig import FOLLOW
from tests.support.statements import a_statement
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.errors import EngineError
from tidegate_agent.model import Activation, Failure, ImageStatus, StageResult
from tidegate_agent.operations import Operations
from tidegate_agent.update.commands import (
    Activate,
    Command,
    Disarm,
    Discard,
    Prove,
    Reboot,
    Rollback,
    Stage,
)
from tidegate_agent.warrant import Warrant
from tidegate_schemas.codes import Code
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.faults.model.world import Scope
    from tidegate_agent.model import Follow, Health, ImageTarget, StageProgress
    from tidegate_agent.update.events import Event

VERIFIER: Final = FakeVerifier()
STATEMENTS: Final = {digest: VERIFIER.sign(a_statement(digest).to_json()) for digest in (OLD, NEW, NEWER)}
BUSY: Final = EngineError(Code.ENGINE_BUSY, "", retryable=True)
BROKEN: Final = EngineError(Code.IMAGE_NOT_FOUND, "")
METHODS: Final = {Stage: "stage", Activate: "activate", Rollback: "rollback", Discard: "discard"}


class Op(NamedTuple):
    """What waits for the worker. `cancelled`: a staging that is to stop."""

    command: Command
    cancelled: bool = False


class Disk(NamedTuple):
    """What the image engine keeps; `armed` that what is staged was activated."""

    status: ImageStatus
    armed: bool = False


class Done(NamedTuple):
    """What came of a piece of work; `killed`: the agent was, halfway. `event` is 0 where none is told."""

    disk: int
    guard: Guard
    due: bool
    event: int
    seen: int
    killed: bool
    undone: bool


class Killed(BaseException):
    """The agent is killed. Nothing in it may catch that."""


class Kept(FakeJournal):
    """Keeps a statement for every image."""

    def message(self, follow: Follow, digest: str) -> bytes | None:
        """See the port."""
        assert follow == FOLLOW
        return STATEMENTS.get(digest)


class ModelGuard:
    """A boot guard that keeps its decision until the host is back where it was armed, as real ones do."""

    def __init__(self, guard: Guard, disk: FakeDisk, *, fatal: bool) -> None:
        self.guard = guard
        self._disk = disk
        self._fatal = fatal

    def arm(self, digest: str, fallback: Sequence[str]) -> None:  # noqa: ARG002 - the port's
        """See the port."""
        if self._fatal:
            raise Killed
        self.guard = Guard(digest, self._disk.status.current)

    def disarm(self) -> None:
        """See the port."""
        guard = self.guard
        stays = guard.fired is not None and self._disk.status.current != guard.place
        self.guard = guard._replace(armed=None) if stays else Guard()
        if self._fatal:
            raise Killed

    def fired(self) -> Failure | None:
        """See the port."""
        left = self.guard.fired
        return None if left is None else Failure(Code.BOOT_DEADLINE, "", {"digest": left})


class ModelEngine(FakeEngine):
    """The fake; where it goes wrong in that way it stages what nobody asked for."""

    wrong = False
    broken = False

    def activate(self, digest: str) -> Activation:
        """See the port. What was switched to and cannot be completed is left, as the real ones do it."""
        status = self.disk.status
        if self.broken and status.current == digest and not self._reboots:
            self.disk.status = ImageStatus(status.previous, None, digest)
        return super().activate(digest)

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """See the port."""
        if cancelled():
            raise Cancelled
        if self.wrong:
            self.disk.status = ImageStatus(self.disk.status.current, EVIL, self.disk.status.previous)
            self.disk.armed = False
            return StageResult(EVIL, 0, 0, 0)
        return super().stage(target, progress, cancelled)


class ModelHealth:
    """Healthy, or not."""

    def __init__(self, *, well: bool) -> None:
        self._well = well

    def run(self) -> Health:
        """See the port."""
        return HEALTHY if self._well else SICK


class Workshop:
    """Does the work of one scope, and remembers it."""

    def __init__(self, scope: Scope) -> None:
        self.disks: Names[Disk] = Names()
        self.images: Names[ImageStatus] = Names()
        self.events: Names[Event | None] = Names()
        self.events.number(None)
        self.ops: Names[Op] = Names()
        self._reboots = scope.reboots
        self._faults = scope.faults
        self._done: dict[tuple[int, int, Guard, str], Done] = {}
        self._boots: dict[tuple[int, bool, bool], int] = {}
        self._choices: dict[int, tuple[str, ...]] = {}

    def choices(self, number: int) -> tuple[str, ...]:
        """How a piece of work can end: `well` first."""
        if number not in self._choices:
            self._choices[number] = tuple(self._possible(self.ops[number]))
        return self._choices[number]

    def _possible(self, op: Op) -> list[str]:
        match op.command:
            case Stage() if op.cancelled:
                return ["stopped", "well"]
            case Stage():
                wanted = ["busy", "broken", "wrong"]
            case Activate():
                wanted = ["busy", "broken", "kill"]
            case Reboot():
                wanted = ["busy"]
            case Prove():
                wanted = ["sick", "kill"]
            case Rollback():
                wanted = ["busy", "broken"]
            case Discard():
                wanted = ["busy"]
            case _:
                wanted = []
        return ["well", *(each for each in wanted if each == "sick" or each in self._faults)]

    def do(self, world: World, choice: str) -> Done:
        """Have the worker do what waits first, ending in that way."""
        key = world.ops[0], world.disk, world.guard, choice
        if key not in self._done:
            self._done[key] = self._do(self.ops[key[0]], self.disks[key[1]], key[2], choice)
        return self._done[key]

    def _do(self, op: Op, disk: Disk, guard: Guard, choice: str) -> Done:
        fake = FakeDisk(disk.status, armed=disk.armed)
        engine = ModelEngine(reboots=self._reboots, disk=fake)
        engine.wrong, engine.broken = choice == "wrong", choice == "broken"
        if type(op.command) in METHODS and choice in ("busy", "broken"):
            engine.fail(METHODS[type(op.command)], BUSY if choice == "busy" else BROKEN)
        host = FakeHost()
        host.refusal = "busy" if choice == "busy" else None
        watch = ModelGuard(guard, fake, fatal=choice == "kill")
        operations = self._operations(engine, watch, host, well=choice != "sick")
        event: Event | None = None
        killed, undone = False, False
        try:
            event = _run(operations, op, stopped=choice == "stopped")
            undone = isinstance(op.command, Discard) and choice == "busy"
        except Killed:
            killed = True
        number = 0 if event is None else self.events.number(bare_event(event))
        after = Disk(fake.status, fake.armed)
        seen = self.images.number(after.status)
        return Done(self.disks.number(after), watch.guard, bool(host.reboots), number, seen, killed, undone)

    def _operations(self, engine: FakeEngine, guard: ModelGuard, host: FakeHost, *, well: bool) -> Operations:
        return Operations(
            engine=engine,
            signatures=FakeImageSignatures(),
            warrant=Warrant(FOLLOW, VERIFIER, Kept()),
            health=ModelHealth(well=well),
            host=host,
            guard=guard,
            arch="amd64",
        )

    def fired(self, guard: Guard) -> Failure | None:
        """Why the guard went back, as the agent hears at its start."""
        return ModelGuard(guard, FakeDisk(ImageStatus(None, None, None)), fatal=False).fired()

    def boot(self, disk: int, *, power_cut: bool = False, falls_back: bool = False) -> int:
        """The disk after a boot."""
        key = disk, power_cut, falls_back
        if key not in self._boots:
            self._boots[key] = self._boot(*key)
        return self._boots[key]

    def _boot(self, disk: int, power_cut: bool, falls_back: bool) -> int:  # noqa: FBT001 - see `boot`
        fake = FakeDisk(self.disks[disk].status, armed=self.disks[disk].armed)
        engine = FakeEngine(reboots=self._reboots, disk=fake)
        engine.reboot(power_cut=power_cut, falls_back=falls_back)
        return self.disks.number(Disk(fake.status, fake.armed))


def _run(operations: Operations, op: Op, *, stopped: bool) -> Event | None:
    match op.command:
        case Stage(target):
            return operations.stage(target, lambda _: None, lambda: stopped)
        case Activate(digest):
            return operations.activate(digest)
        case Reboot(reason, soft):
            return operations.reboot(reason, soft=soft)
        case Prove():
            return operations.prove()
        case Rollback(digest):
            return operations.rollback(digest)
        case Disarm():
            operations.disarm()
        case Discard():
            operations.discard()
    return None
