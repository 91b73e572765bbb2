"""What can happen next in a world: the worker's, the broker's, people's and nature's doing.

Nothing is drawn by lot: every possibility is told, and whose doing it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from tests.faults.model.canonical import HERE, NO_DETAILS
from tests.faults.model.shell import Shell, name
from tests.faults.model.workshop import Disk, Done, Op
from tests.faults.model.world import LETTERS, Act, Guard, Kind, Said, World
from tests.support.rig import FOLLOW
from tests.support.updates import OLD
from tidegate_agent import machine
from tidegate_agent.admission import Memory
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Failure, Follow, ImageStatus
from tidegate_agent.orders import Orders
from tidegate_agent.update.commands import Discard, Reboot
from tidegate_agent.update.events import (
    CancelRequested,
    Event,
    Heard,
    Proved,
    Refused,
    Restarted,
    RollbackRequested,
    Woken,
)
from tidegate_agent.update.states import (
    Idle,
    Outcome,
    Proving,
    Settled,
    Staged,
    Staging,
    State,
    Target,
    Verifying,
    Wait,
    WaitFor,
    Waiting,
)
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.model.world import Scope
    from tidegate_agent.follower import Follower

CLOSED: Final = Wait(WaitFor.WINDOW, "")
ORDERED: Final = Failure(Code.UPDATE_CANCELLED, "", NO_DETAILS)
FALSE: Final = Failure(Code.SIGNATURE_MISSING, "", NO_DETAILS)

Next = tuple[Act, World]


class Environment:
    """All that can happen in one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.shell = Shell(scope)
        events = self.shell.work.events
        self._woken = events.number(Woken())
        self._cancelled = events.number(CancelRequested(ORDERED))
        self._false = events.number(Refused("false", FALSE))

    def beginning(self) -> World:
        """A host that runs OLD, was told nothing yet, and has just started its agent."""
        shell, work = self.shell, self.shell.work
        image = ImageStatus(OLD, None, None)
        count = len(shell.digests)
        return World(
            published=(),
            late=False,
            memory=shell.memories.number(Memory()),
            state=shell.states.number(Idle()),
            installed=0,
            quarantine=frozenset(),
            tries=(0,) * count,
            targets=(0,) * count,
            hold=False,
            disk=work.disks.number(Disk(image)),
            guard=Guard(),
            due=False,
            down=False,
            crashed=False,
            hand=0,
            standing=0,
            set_aside=False,
            recheck=False,
            heard=True,
            alarm=False,
            assess=False,
            undone=False,
            seen=work.images.number(image),
            ops=(),
            results=(),
            admitted=frozenset(),
            proven=frozenset({OLD}),
            told=shell.told.number(frozenset()),
            budget=0 if self.scope.budget is None else self.scope.budget,
        )

    def follows(self, world: World) -> Iterator[Next]:
        """All that can happen next, and what the world is then."""
        spent = self.scope.budget is not None and world.budget == 0
        for act, after in self._all(world):
            if self.scope.budget is not None and act.kind is not Kind.FAIR:
                if not spent:
                    yield act, after._replace(budget=world.budget - 1)
            else:
                yield act, after

    def _all(self, world: World) -> Iterator[Next]:
        yield from self._nature(world)
        if world.down:
            yield Act(Kind.FAIR, "the agent starts"), self._start(world)
            return
        yield from self._worker(world)
        yield from self._outcome(world)
        yield from self._channel(world)
        yield from self._assessment(world)
        yield from self._alarms(world)
        yield from self._people(world)

    # What the agent does by itself

    def _worker(self, world: World) -> Iterator[Next]:
        if not world.ops:
            return
        work = self.shell.work
        op = work.ops[world.ops[0]]
        for choice in work.choices(world.ops[0]):
            done = work.do(world, choice)
            words = f"the worker does {_words(op)}: {choice}"
            kind = Kind.FAIR if choice in ("well", "stopped") else Kind.RESULT
            # To discard is tried for ever, ever more slowly: a tool that is always busy is a fault.
            kind = Kind.FAULT if done.killed or done.undone else kind
            after = world._replace(
                disk=done.disk, guard=done.guard, due=self._due(world, op, done), ops=world.ops[1:]
            )
            if done.killed:
                yield Act(kind, words, world.ops[0]), self._killed(after)
                continue
            results = (*world.results, (done.event, done.seen))
            undone = after.undone or done.undone
            yield Act(kind, words, world.ops[0]), after._replace(results=results, undone=undone)

    def _due(self, world: World, op: Op, done: Done) -> bool:
        """Whether a reboot comes: a refusal is the truth, also about one that was accepted before."""
        return done.due if isinstance(op.command, Reboot) else world.due

    def _outcome(self, world: World) -> Iterator[Next]:
        if not world.results:
            return
        (number, seen), rest = world.results[0], world.results[1:]
        after = world._replace(results=rest, seen=seen)
        if not number:
            yield Act(Kind.FAIR, "the engine's truth is noted"), after
            return
        event = self.shell.work.events[number]
        assert event is not None
        well = isinstance(event, Proved) and event.health.ok
        words = f"{type(event).__name__} is heard"
        told = self.shell.handle(after, number)
        if well:
            told = self._noted(after, told)
        yield Act(Kind.FAIR, words), told
        if isinstance(event, Proved) and not well and isinstance(self.shell.states[world.state], Proving):
            overdue = replace(event, proving_for=self.scope.rules.health_timeout)
            late = self.shell.handle(after, self.shell.work.events.number(overdue))
            yield Act(Kind.RESULT, f"{words} after the time for it"), late

    def _noted(self, before: World, after: World) -> World:
        state = self.shell.states[before.state]
        if isinstance(state, Proving):
            return after._replace(proven=after.proven | {state.update.target.digest})
        return after

    def _assessment(self, world: World) -> Iterator[Next]:
        if not world.assess:
            return
        before = world._replace(assess=False)
        state = self.shell.states[world.state]
        judged = isinstance(state, Waiting) or not (world.hand or world.recheck)
        if judged or "slow" in self.scope.faults:
            kind = Kind.FAIR if judged else Kind.FAULT
            after = self.shell.handle(before, self.shell.assessed(world))
            yield Act(kind, "what stands in the way is looked at"), after
        if "window" in self.scope.faults and isinstance(state, Staged):
            after = self.shell.handle(before, self.shell.assessed(world, CLOSED))
            yield Act(Kind.FAULT, "the window is closed"), after._replace(alarm=True)

    def _alarms(self, world: World) -> Iterator[Next]:
        quiet = not (
            world.ops
            or world.results
            or world.hand
            or world.assess
            or world.recheck
            or world.due
            or not world.heard
        )
        kind = Kind.FAIR if quiet else Kind.FAULT
        if world.alarm and not self._asks(world):
            before = world._replace(alarm=False)
            yield Act(kind, "the alarm rings"), self.shell.handle(before, self._woken)
        if world.undone and not world.results:
            before = world._replace(undone=False)
            staged = self.shell.work.images[world.seen].staged
            state = self.shell.states[world.state]
            if staged is not None and isinstance(state, Idle | Settled | Verifying | Waiting):
                op = self.shell.work.ops.number(Op(Discard()))
                before = before._replace(ops=(*before.ops, op))
            yield Act(kind, "the time to discard again comes"), before

    def _asks(self, world: World) -> bool:
        """Whether a reboot is being asked for: that is answered in seconds, and alarms are minutes away."""
        reboots = any(isinstance(self.shell.work.ops[each].command, Reboot) for each in world.ops)
        return reboots or bool(world.results)

    # Statements

    def _channel(self, world: World) -> Iterator[Next]:
        if world.hand:
            yield self._verdict(world)
            return
        newest = len(world.published)
        if world.recheck:
            words = f"statement {world.standing} is looked at again"
            yield Act(Kind.FAIR, words), self._hear(world._replace(recheck=False), world.standing)
        if not world.heard:
            yield Act(Kind.FAIR, f"statement {newest} comes"), self._hear(world, newest)
        if "replay" in self.scope.faults:
            for sequence in range(1, newest + 1):
                if sequence < newest or world.heard:
                    words = f"statement {sequence} comes again"
                    yield Act(Kind.FAULT, words), self._hear(world, sequence)
        if "false" in self.scope.faults:
            after = self.shell.handle(world, self._false)
            yield Act(Kind.FAULT, "a false message is refused"), after

    def _hear(self, world: World, sequence: int) -> World:
        heard = self.shell.work.events.number(Heard(name(sequence)))
        return self.shell.handle(world._replace(hand=sequence), heard)

    def _verdict(self, world: World) -> Next:
        sequence = world.hand
        decided = self.shell.decide(world, sequence)
        committed = machine.is_committed(self.shell.states[world.state])
        newest = sequence == len(world.published)
        before = world._replace(hand=0, heard=world.heard or newest)
        if decided.admitted:
            before = before._replace(set_aside=committed)
        if not decided.refused:
            before = before._replace(standing=sequence)
        after = self.shell.handle(before, decided.event, memory=decided.memory)
        said = world.published[sequence - 1]
        if decided.admitted and said is not None:
            after = after._replace(admitted=after.admitted | {said.digest})
        words = "admitted" if decided.admitted else "refused" if decided.refused else "known"
        return Act(Kind.FAIR, f"statement {sequence} is {words}"), self._forgotten(after)

    def _forgotten(self, world: World) -> World:
        """What is below the accepted sequence is refused whatever it says."""
        accepted = self.shell.memories[world.memory].sequence
        published = tuple(
            None if place < accepted else said for place, said in enumerate(world.published, start=1)
        )
        return world._replace(published=published)

    # People

    def _people(self, world: World) -> Iterator[Next]:
        state = self.shell.states[world.state]
        if "cancel" in self.scope.orders and isinstance(state, Waiting | Staging | Staged):
            after = self.shell.handle(world, self._cancelled)
            yield Act(Kind.FAULT, "a person cancels the update"), after
        if "rollback" in self.scope.orders:
            yield from self._ordered_back(world)
        if "hold" in self.scope.orders:
            after = self.shell.handle(world._replace(hold=not world.hold), self._woken)
            words = "a person lets the host go on" if world.hold else "a person holds the host back"
            yield Act(Kind.FAULT, words), after

    def _ordered_back(self, world: World) -> Iterator[Next]:
        desk = Desk(self.shell, world)
        try:
            Orders(cast("Follower", desk)).roll_back(ORDERED)
        except RefusedError:
            return
        if desk.given is not None:
            number = self.shell.work.events.number(desk.given)
            yield Act(Kind.FAULT, "a person orders the way back"), self.shell.handle(world, number)

    # The publisher, time, power

    def _nature(self, world: World) -> Iterator[Next]:
        yield from self._publisher(world)
        if "kill" in self.scope.faults and not world.down:
            yield Act(Kind.FAULT, "the agent is killed"), self._killed(world)
            yield Act(Kind.FAULT, "the agent ends in order"), self._killed(world, crashed=False)
        yield from self._boots(world)
        guard, current = world.guard, self.shell.work.disks[world.disk].status.current
        if "guard" in self.scope.faults and guard.armed and guard.away and guard.place != current:
            yield Act(Kind.FAULT, "the boot guard goes off"), self._go_off(world)

    def _publisher(self, world: World) -> Iterator[Next]:
        if len(world.published) < self.scope.statements:
            for digest in self.scope.digests:
                for rollout in self.scope.rollouts:
                    said = Said(digest, rollout, world.late)
                    words = f"{LETTERS[digest]} is published as {len(world.published) + 1}, {rollout}"
                    after = world._replace(published=(*world.published, said), heard=False)
                    yield Act(Kind.FAULT, words), after
        if self.scope.expiry and not world.late and world.published:
            yield Act(Kind.FAULT, "weeks pass"), world._replace(late=True)

    def _boots(self, world: World) -> Iterator[Next]:
        faults, work = self.scope.faults, self.shell.work
        if world.due:
            disk = work.boot(world.disk)
            yield (
                Act(Kind.FAIR, "the host reboots as it was asked to"),
                self._booted(world, disk, crashed=False),
            )
        elif "boot" in faults:
            disk = work.boot(world.disk)
            yield Act(Kind.FAULT, "somebody reboots the host"), self._booted(world, disk, crashed=False)
        if "power" in faults:
            disk = work.boot(world.disk, power_cut=True)
            yield Act(Kind.FAULT, "the power fails"), self._booted(world, disk, crashed=True)
        if "fallback" in faults and world.due:
            disk = work.boot(world.disk, falls_back=True)
            words = "the host reboots, and the boot loader falls back"
            yield Act(Kind.FAULT, words), self._booted(world, disk, crashed=False)

    def _booted(self, world: World, disk: int, *, crashed: bool) -> World:
        world = self._killed(world, crashed=crashed)
        state = self.shell.booted(world.state)
        guard = world.guard._replace(away=True) if world.guard.armed or world.guard.fired else world.guard
        return world._replace(disk=disk, guard=guard, due=False, state=state)

    def _killed(self, world: World, *, crashed: bool = True) -> World:
        """What is left of a world without its agent's memory. One that is down ended as it did before."""
        return world._replace(
            state=self.shell.kept(world.state),
            down=True,
            crashed=world.crashed if world.down else crashed,
            hand=0,
            standing=0,
            set_aside=False,
            recheck=False,
            heard=not world.published,
            alarm=False,
            assess=False,
            undone=False,
            seen=0,
            ops=(),
            results=(),
        )

    def _go_off(self, world: World) -> World:
        disk = self.shell.work.disks[world.disk]
        status = ImageStatus(disk.status.current, None, disk.status.previous, rollback_queued=True)
        number = self.shell.work.disks.number(Disk(status))
        guard = world.guard._replace(armed=None, fired=world.guard.armed)
        return world._replace(disk=number, guard=guard, due=True)

    def _start(self, world: World) -> World:
        """What `Follower.start` does."""
        work, states = self.shell.work, self.shell.states
        world = world._replace(down=False)
        image = work.disks[world.disk].status
        fired = _about(states[world.state], work.fired(world.guard))
        given_up = image.current in world.quarantine
        restarted = Restarted(image, HERE, fired, world.crashed, quarantined=given_up)
        number = work.events.number(restarted)
        after = self.shell.handle(world._replace(seen=work.images.number(image)), number)
        if self._left_over(after, image.staged):
            after = after._replace(ops=(*after.ops, work.ops.number(Op(Discard()))))
        return after

    def _left_over(self, world: World, staged: str | None) -> bool:
        digests, state = self.shell.digests, self.shell.states[world.state]
        if not isinstance(state, Settled):
            return False
        if staged is not None:
            return staged in digests and world.targets[digests.index(staged)] > 0
        return world.crashed and state.outcome not in (Outcome.SUCCEEDED, Outcome.ROLLED_BACK)


class Desk:
    """A follower as `Orders` sees it."""

    def __init__(self, shell: Shell, world: World) -> None:
        self.follow = FOLLOW
        self.state = shell.states[world.state]
        self.memory = shell.memories[world.memory]
        self.image = shell.work.images[world.seen]
        self.around = self
        self.journal = self
        self.profile = self
        self.boot_id = HERE
        self.given: Event | None = None
        self._shell = shell
        self._world = world

    def target(self, _: Follow, digest: str) -> Target | None:
        """See Journal."""
        places = self._shell.digests
        if digest not in places:
            return None
        return self._shell.targets[self._world.targets[places.index(digest)]]

    def attempts(self, _: Follow, digest: str) -> int:
        """See Journal."""
        return self._world.tries[self._shell.digests.index(digest)]

    def quarantined(self, _: Follow) -> dict[str, Failure]:
        """See Journal."""
        return dict.fromkeys(self._world.quarantine, ORDERED)

    def handle(self, event: RollbackRequested, **_: object) -> None:
        """See Follower."""
        self.given = event


def _about(state: State, fired: Failure | None) -> Failure | None:
    """What `follower` makes of the guard's word: an older one says nothing about this image."""
    update = machine.update_of(state)
    about = fired is None or update is None or fired.details.get("digest") == update.target.digest
    if fired is None or not about:
        return None
    return Failure(fired.code, "", NO_DETAILS)


def _words(op: Op) -> str:
    command = op.command
    what = type(command).__name__
    digest = getattr(command, "digest", None) or getattr(getattr(command, "target", None), "digest", None)
    stopped = " (cancelled)" if op.cancelled else ""
    return f"{what} {LETTERS[digest]}{stopped}" if digest else what
