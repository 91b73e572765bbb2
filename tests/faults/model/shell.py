"""The shell around the machine, in the model: what `Follower` does, on a world instead of a journal.

What decides is the real thing: `machine.step`, `Intake.decide`, `manners.assess`, `Orders`. Only how the
answers are carried out is written here once more: `test_same_as_the_agent.py` compares that with the agent.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

from tests.faults.model.canonical import HERE, bare_event, booted, canonical
from tests.faults.model.workshop import Op, Workshop
from tests.faults.model.world import Names, Said, Scope, World
from tests.support.rig import FOLLOW, HOST
from tests.support.statements import NOON, a_statement
from tests.support.updates import OLD
from tidegate_agent import machine, reporting
from tidegate_agent.admission import HostFacts, Memory, Policy
from tidegate_agent.intake import Intake
from tidegate_agent.manners import Manners, Situation, assess
from tidegate_agent.model import Failure, Verdict
from tidegate_agent.reporting import Profile
from tidegate_agent.update.commands import (
    Activate,
    Assess,
    CancelStage,
    Disarm,
    Discard,
    Prove,
    Quarantine,
    Reboot,
    Recheck,
    Report,
    Rollback,
    Stage,
    WakeAfter,
    WakeAt,
)
from tidegate_agent.update.events import Admitted, Assessed, Event, Known
from tidegate_agent.update.states import (
    Outcome,
    Settled,
    Staged,
    State,
    Target,
    Verifying,
    Wait,
    Waiting,
)
from tidegate_agent.windows import Schedule
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, RolloutState
from tidegate_schemas.status import Inventory

FACTS: Final = HostFacts(HOST, "amd64")
PROFILE: Final = Profile(FACTS, Inventory(arch="amd64", kernel="6", os="Debian", agent="test"), HERE)
VALID: Final = timedelta(days=14)
LATER: Final = NOON + timedelta(days=20)
"""When the first statements have expired."""

SLOW: Final = (Stage, Discard, Activate, Reboot, Disarm, Prove, Rollback)
GIVEN_UP: Final = Failure(Code.HEALTH_FAILED, "")


class Reaction(NamedTuple):
    """What follows from an event in a state, whatever else is the case."""

    state: int
    tried: tuple[str, int, Target] | None
    quarantine: frozenset[str]
    ops: tuple[int, ...]
    cancels: bool
    alarm: bool
    assess: bool
    recheck: bool
    results: frozenset[tuple[str, str]]
    commands: tuple[str, ...]


class Decided(NamedTuple):
    """What is to be done with a statement whose verdict is in. `memory` is -1 where it stays."""

    event: int
    memory: int
    admitted: bool
    refused: bool


class Shell:
    """Carries out what the machine says, in one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.work = Workshop(scope)
        self.states: Names[State] = Names()
        self.memories: Names[Memory] = Names()
        self.targets: Names[Target | None] = Names()
        self.targets.number(None)
        self.told: Names[frozenset[tuple[str, str]]] = Names()
        self.digests = (OLD, *(each for each in scope.digests if each != OLD))
        self._intake = Intake(FOLLOW, FACTS, Policy(max_validity=VALID), HERE)
        self._manners = Manners(Schedule())
        self._reactions: dict[tuple[int, int], Reaction] = {}
        self._decided: dict[tuple[object, ...], Decided] = {}
        self._waits: dict[tuple[int, bool, bool], int] = {}
        self._kept: dict[int, int] = {}
        self._booted: dict[int, int] = {}
        self._messages: dict[tuple[int, Said | None], bytes] = {}

    # One step of the machine

    def handle(self, world: World, number: int, *, memory: int = -1) -> World:
        """The world after an event: what is written, then what is set off."""
        reaction = self.react(world.state, number)
        memory = world.memory if memory < 0 else memory
        tries, targets = self._written(world, reaction)
        ops = self._cancelled(world.ops) if reaction.cancels else world.ops
        state = self.states[reaction.state]
        told = world.told
        if self.scope.results and reaction.results:
            told = self.told.number(self.told[told] | reaction.results)
        rests = isinstance(state, Settled)
        return world._replace(
            memory=memory,
            state=reaction.state,
            installed=self._installed(state, world.installed),
            quarantine=world.quarantine | reaction.quarantine,
            tries=tries,
            targets=targets,
            ops=ops + reaction.ops,
            alarm=(world.alarm or reaction.alarm) and not rests,
            assess=(world.assess or reaction.assess) and isinstance(state, Waiting | Staged),
            recheck=world.recheck or (reaction.recheck and world.set_aside and world.standing > 0),
            set_aside=world.set_aside and not reaction.recheck,
            told=told,
        )

    def react(self, state: int, number: int) -> Reaction:
        """What follows from an event."""
        key = state, number
        if key not in self._reactions:
            event = self.work.events[number]
            assert event is not None
            self._reactions[key] = self._react(self.states[state], event)
        return self._reactions[key]

    def _react(self, before: State, event: Event) -> Reaction:
        taken = machine.step(before, event, NOON, self.scope.rules)
        commands = taken.commands
        durable, was = _durable(taken.state), _durable(before)
        update = machine.update_of(durable)
        after = canonical(taken.state, self.scope.cap)
        reports = [each for each in commands if isinstance(each, Report) and each.step.final]
        return Reaction(
            state=self.states.number(after),
            tried=None
            if update is None or durable == was
            else (update.target.digest, min(update.attempt, self.scope.cap), update.target),
            quarantine=frozenset(each.digest for each in commands if isinstance(each, Quarantine)),
            ops=tuple(self.work.ops.number(Op(each)) for each in commands if isinstance(each, SLOW)),
            cancels=any(isinstance(each, CancelStage) for each in commands),
            alarm=any(isinstance(each, WakeAt | WakeAfter) for each in commands),
            assess=any(isinstance(each, Assess) for each in commands),
            recheck=any(isinstance(each, Recheck) for each in commands),
            results=frozenset(_result(each) for each in reports),
            commands=tuple(type(each).__name__ for each in commands),
        )

    def _written(self, world: World, reaction: Reaction) -> tuple[tuple[int, ...], tuple[int, ...]]:
        if reaction.tried is None:
            return world.tries, world.targets
        digest, attempt, target = reaction.tried
        place = self.digests.index(digest)
        tries, targets = list(world.tries), list(world.targets)
        tries[place] = max(tries[place], attempt)
        if target.rollout.state is RolloutState.ACTIVE or not targets[place]:
            targets[place] = self.targets.number(target)
        return tuple(tries), tuple(targets)

    def _cancelled(self, ops: tuple[int, ...]) -> tuple[int, ...]:
        """The newest staging is told to stop."""
        for place in reversed(range(len(ops))):
            op = self.work.ops[ops[place]]
            if isinstance(op.command, Stage):
                stopped = self.work.ops.number(op._replace(cancelled=True))
                return (*ops[:place], stopped, *ops[place + 1 :])
        return ops

    @staticmethod
    def _installed(state: State, before: int) -> int:
        if isinstance(state, Settled) and state.outcome is Outcome.SUCCEEDED:
            target = state.update.target
            return target.sequence if target.rollout.state is RolloutState.ACTIVE else before
        if isinstance(state, Settled) and state.outcome is Outcome.ROLLED_BACK:
            return state.update.previous_sequence
        return before

    # The end of a life

    def kept(self, state: int) -> int:
        """The state that is on disk."""
        if state not in self._kept:
            self._kept[state] = self.states.number(_durable(self.states[state]))
        return self._kept[state]

    def booted(self, state: int) -> int:
        """The state as it is after another boot."""
        if state not in self._booted:
            self._booted[state] = self.states.number(booted(self.states[state]))
        return self._booted[state]

    # Statements

    def message(self, sequence: int, said: Said | None) -> bytes:
        """The payload of a statement. One that says nothing stands for all that are out of date."""
        key = sequence, said
        if key not in self._messages:
            said = said or Said(OLD, RolloutState.ACTIVE, late=False)
            issued = LATER if said.late else NOON
            statement = a_statement(
                said.digest,
                sequence=sequence,
                rollout=Rollout(seed="seed", state=said.rollout),
                issued_at=issued,
                expires=issued + VALID,
            )
            self._messages[key] = statement.to_json()
        return self._messages[key]

    def decide(self, world: World, sequence: int) -> Decided:
        """What the intake says of a statement, by what the world remembers."""
        said = world.published[sequence - 1]
        key = (
            sequence,
            said,
            world.state,
            world.memory,
            world.seen,
            world.late,
            world.installed,
            world.quarantine,
            world.tries,
        )
        if key not in self._decided:
            self._decided[key] = self._decide(world, sequence, said)
        return self._decided[key]

    def _decide(self, world: World, sequence: int, said: Said | None) -> Decided:
        state, place = self.states[world.state], {each: at for at, each in enumerate(self.digests)}
        decision = self._intake.decide(
            name(sequence),
            Verdict(self.message(sequence, said), "", "", None),
            state,
            self.memories[world.memory],
            self.work.images[world.seen],
            now=LATER if world.late else NOON,
            installed=world.installed,
            quarantined=dict.fromkeys(world.quarantine, GIVEN_UP),
            attempts=lambda digest: world.tries[place[digest]],
        )
        memory = -1 if decision.memory is None else self.memories.number(decision.memory)
        number = self.work.events.number(bare_event(decision.event))
        taken = isinstance(decision.event, Admitted)
        return Decided(number, memory, taken, not isinstance(decision.event, Admitted | Known))

    # What stands in the way

    def assessed(self, world: World, hindrance: Wait | None = None) -> int:
        """The event that says what stands in the way now; `hindrance` is what the host has to say besides."""
        state = self.states[world.state]
        assert isinstance(state, Waiting | Staged)
        situation = Situation(
            LATER if world.late else NOON,
            accepted=self.memories[world.memory].sequence,
            hold="" if world.hold else None,
        )
        wait = assess(
            state.update.target, FACTS, self._manners, situation, to_activate=isinstance(state, Staged)
        )
        found = wait or hindrance
        return self.work.events.number(Assessed(None if found is None else Wait(found.reason, "")))


def name(sequence: int) -> str:
    """What an announcement is called."""
    return f"statement-{sequence}"


def _durable(state: State) -> State:
    return state.before if isinstance(state, Verifying) else state


def _result(report: Report) -> tuple[str, str]:
    """A result's id and what it says."""
    event = reporting.report_event(report, FOLLOW, PROFILE, NOON)
    return event.id, f"{event.data.step} {event.data.digest} {event.data.code}"
