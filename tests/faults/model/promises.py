"""What is promised of every world, and of every step from one to the next. docs/model.md numbers them.

Each function says in words what is broken, or None. A step is what was the case, what happened, what is then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.model.world import LETTERS
from tidegate_agent import machine
from tidegate_agent.update.commands import Activate, Discard, Prove, Reboot, Rollback, Stage
from tidegate_agent.update.states import (
    Activating,
    Idle,
    Outcome,
    Proving,
    Rebooting,
    RollingBack,
    Settled,
    Staged,
    Staging,
    State,
    Verifying,
)
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.model.shell import Shell
    from tests.faults.model.world import Act, World
    from tidegate_agent.update.commands import Command

    OfWorlds = Callable[["Shell", "World"], str | None]
    OfSteps = Callable[["Shell", "World", "Act", "World"], str | None]

BELONGS: Final = {
    # The late word of a staging that was cancelled can be taken for that of the next, of the same image.
    Stage: (Staging, Staged, Activating),
    Activate: (Activating,),
    Reboot: (Rebooting, RollingBack),
    Prove: (Proving,),
    Rollback: (RollingBack,),
}
"""Where the machine stands while the worker has such a command in hand."""


def only_the_announced_runs(shell: Shell, world: World) -> str | None:
    """1. What runs, or was activated, was announced by a statement that the host admitted."""
    disk = shell.work.disks[world.disk]
    running = disk.status.current
    first = shell.digests[0]
    if running != first and running not in world.admitted:
        return f"{LETTERS[running]} runs, which no admitted statement announced"
    coming = disk.status.staged
    if disk.armed and coming != first and coming not in world.admitted:
        return f"{LETTERS[coming]} is activated, which no admitted statement announced"
    return None


def only_the_announced_is_fetched(shell: Shell, before: World, act: Act, _: World) -> str | None:
    """1. Only what an admitted statement announced is asked of the image engine."""
    digest = _asked(shell, act)
    if digest is not None and digest not in before.admitted:
        return f"{LETTERS[digest]} is asked of the engine, which no admitted statement announced"
    return None


def the_sequence_only_grows(shell: Shell, before: World, _: Act, after: World) -> str | None:
    """2. The accepted sequence never goes back."""
    if before.memory == after.memory:
        return None
    was, now = shell.memories[before.memory].sequence, shell.memories[after.memory].sequence
    return f"the accepted sequence went from {was} back to {now}" if now < was else None


def the_quarantined_stays_out(shell: Shell, before: World, act: Act, _: World) -> str | None:
    """3. What is in quarantine is neither staged nor activated."""
    digest = _asked(shell, act)
    if digest in before.quarantine:
        return f"{LETTERS[digest]} is in quarantine, and the engine is asked for it"
    return None


def the_quarantine_is_kept(_: Shell, before: World, __: Act, after: World) -> str | None:
    """3. What is in quarantine stays there: only a person lifts it."""
    return None if before.quarantine <= after.quarantine else "a quarantine was lifted by nobody"


def nothing_supersedes_the_committed(shell: Shell, before: World, act: Act, after: World) -> str | None:
    """4. From activation on an update ends by its own outcome alone."""
    if before.state == after.state:
        return None
    was, now = shell.states[before.state], shell.states[after.state]
    if not machine.is_committed(was):
        return None
    update, later = machine.update_of(was), machine.update_of(now)
    assert update is not None
    if later is None or later.target != update.target:
        return f"another update took the place of one in {was.kind}"
    if isinstance(now, Settled) and now.outcome in (Outcome.SUPERSEDED, Outcome.CANCELLED):
        return f"an update in {was.kind} was ended: {now.outcome}"
    return f"a statement moved {was.kind}" if "statement" in act.words else None


def one_update_is_in_hand(shell: Shell, world: World) -> str | None:
    """5. The worker has nothing in hand but what the state on disk asks for."""
    state = shell.states[world.state]
    ops = [shell.work.ops[number] for number in world.ops]
    for place, op in enumerate(ops):
        belongs = BELONGS.get(type(op.command))
        if belongs is None or op.cancelled:
            continue
        if isinstance(op.command, Stage) and any(isinstance(each.command, Discard) for each in ops[place:]):
            continue
        if not isinstance(state, belongs) or not _about(op.command, state):
            return f"{type(op.command).__name__} waits for the worker while the machine is in {state.kind}"
    return None


def the_unproven_is_watched(shell: Shell, world: World) -> str | None:
    """6. What runs and was not proven is watched, is about to be proven, or was said to have failed."""
    running = shell.work.disks[world.disk].status.current
    watched = running in (world.guard.armed, world.guard.fired)
    if watched or running in world.proven or running in world.quarantine:
        return None
    state = shell.states[shell.kept(world.state)]
    update = machine.update_of(state)
    if update is not None and update.target.digest == running:
        if not isinstance(state, Settled):
            return None
        if state.outcome is Outcome.FAILED:
            return None
    return f"{LETTERS[running]} runs, was never proven, and nothing watches it"


def success_is_proven(shell: Shell, before: World, _: Act, after: World) -> str | None:
    """7. Success is said only of what runs."""
    if before.state == after.state:
        return None
    was, now = shell.states[before.state], shell.states[after.state]
    if not isinstance(now, Settled) or now.outcome is not Outcome.SUCCEEDED:
        return None
    digest = now.update.target.digest
    if isinstance(was, Proving) and digest not in after.proven:
        return f"{LETTERS[digest]} is said to be a success and was not found healthy"
    return None


def no_hold_is_passed_over(shell: Shell, before: World, _: Act, after: World) -> str | None:
    """8. Nothing is activated against the newest accepted statement, nor while the host is held back."""
    if before.state == after.state:
        return None
    was, now = shell.states[before.state], shell.states[after.state]
    if not isinstance(was, Staged) or not isinstance(now, Activating):
        return None
    target, accepted = now.update.target, shell.memories[before.memory].sequence
    if before.hold:
        return "an activation begins while a person holds the host back"
    if target.sequence != accepted:
        return f"an activation begins by statement {target.sequence}, and {accepted} is accepted"
    if target.rollout.state is not RolloutState.ACTIVE:
        return f"an activation begins of a release that is {target.rollout.state}"
    return None


def counters_are_bounded(shell: Shell, world: World) -> str | None:
    """9. Reboots and tries stay within the rules."""
    state, rules = shell.states[world.state], shell.scope.rules
    if isinstance(state, RollingBack) and (
        state.reboots > rules.reboots or state.tries > rules.stage_attempts
    ):
        return f"{state.reboots} reboots and {state.tries} tries on the way back"
    update = machine.update_of(state)
    if update is not None and update.reboots > rules.reboots:
        return f"{update.reboots} reboots for one update"
    return None


def results_differ_by_id(shell: Shell, world: World) -> str | None:
    """10. No two results share an id: the second one would never be sent."""
    told = shell.told[world.told]
    ids = [each for each, _ in told]
    twice = sorted({each for each in ids if ids.count(each) > 1})
    return f"two results are called {twice[0]}" if twice else None


def the_guard_stands_down(shell: Shell, world: World) -> str | None:
    """11. At rest with nothing left to do no boot guard is armed."""
    quiet = not (world.down or world.ops or world.results)
    state = shell.states[world.state]
    if quiet and isinstance(state, Idle | Settled | Verifying) and world.guard.armed:
        return f"the host rests, and the boot guard is armed for {LETTERS[world.guard.armed]}"
    return None


OF_WORLDS: Final[tuple[OfWorlds, ...]] = (
    only_the_announced_runs,
    one_update_is_in_hand,
    the_unproven_is_watched,
    counters_are_bounded,
    results_differ_by_id,
    the_guard_stands_down,
)
OF_STEPS: Final[tuple[OfSteps, ...]] = (
    only_the_announced_is_fetched,
    the_sequence_only_grows,
    the_quarantined_stays_out,
    the_quarantine_is_kept,
    nothing_supersedes_the_committed,
    success_is_proven,
    no_hold_is_passed_over,
)


def _asked(shell: Shell, act: Act) -> str | None:
    """The image that the worker asked the engine for, if it did just now."""
    if act.op is None:
        return None
    op = shell.work.ops[act.op]
    if op.cancelled or not isinstance(op.command, Stage | Activate):
        return None
    return op.command.digest if isinstance(op.command, Activate) else op.command.target.digest


def _about(command: Command, state: State) -> bool:
    update = machine.update_of(state)
    if update is None:
        return False
    match command:
        case Stage(target):
            return target.digest == update.target.digest
        case Activate(digest):
            return digest == update.target.digest
        case Rollback(digest):
            return isinstance(state, RollingBack) and state.back_to == digest
    return True
