"""That everything ends, and ends well: what is promised of the ways through the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.model.world import LETTERS, Kind
from tidegate_agent.update.states import Idle, Outcome, Settled, Staged, WaitFor, Waiting
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tests.faults.model.exploring import Explored
    from tests.faults.model.shell import Shell
    from tests.faults.model.world import World

THROUGH_WITH_IT = frozenset({Outcome.FAILED, Outcome.REJECTED, Outcome.CANCELLED, Outcome.ROLLED_BACK})
"""How an update ends without its image being there."""


def every_update_ends(found: Explored) -> str | None:
    """12. Without a fault from outside nothing goes on for ever, whatever the commands' results are.

    What is taken away again and again is what nothing leads to any more (Kahn); a circle is what is left.
    """
    inward = [0] * len(found.worlds)
    for steps in found.steps:
        for kind, place in steps:
            inward[place] += kind is not Kind.FAULT
    ready = [place for place, count in enumerate(inward) if not count]
    taken = 0
    while ready:
        taken += 1
        for kind, place in found.steps[ready.pop()]:
            if kind is not Kind.FAULT:
                inward[place] -= 1
                if not inward[place]:
                    ready.append(place)
    if taken == len(found.worlds):
        return None
    place = _on_a_circle(found, {place for place, count in enumerate(inward) if count})
    return f"this goes round in circles for ever:\n{found.way(place)}"


def _on_a_circle(found: Explored, left: set[int]) -> int:
    """Each of these has one of them before it: whoever goes back for long enough comes round."""
    before = {
        after: place
        for place in left
        for kind, after in found.steps[place]
        if kind is not Kind.FAULT and after in left
    }
    place, seen = next(iter(before)), set[int]()
    while place not in seen:
        seen.add(place)
        place = before[place]
    return place


def every_end_is_right(found: Explored) -> str | None:
    """13. Where nothing happens any more by itself, the host has done what it was told, or says why not."""
    shell = found.environment.shell
    for place, (world, steps) in enumerate(zip(found.worlds, found.steps, strict=True)):
        if not any(kind is Kind.FAIR for kind, _ in steps) and (wrong := _wrong(shell, world)):
            return f"{wrong}, and nothing happens any more:\n{found.way(place)}"
    return None


def _wrong(shell: Shell, world: World) -> str | None:  # noqa: PLR0911 - one table
    state, newest = shell.states[world.state], len(world.published)
    said = world.published[-1] if newest else None
    if isinstance(state, Waiting | Staged):
        return _waits_in_vain(world, state)
    if not isinstance(state, Idle | Settled) or world.down:
        return f"the host is left in {state.kind}"
    if said is None or (world.late and not said.late):
        return None
    if shell.memories[world.memory].sequence < newest:
        return f"statement {newest} was never accepted"
    if said.rollout is not RolloutState.ACTIVE or said.digest in world.quarantine:
        return None
    about = isinstance(state, Settled) and state.update.target.digest == said.digest
    if about and isinstance(state, Settled) and state.outcome in THROUGH_WITH_IT:
        return None
    runs = shell.work.disks[world.disk].status.current
    return None if runs == said.digest else f"{LETTERS[said.digest]} is announced, and {LETTERS[runs]} runs"


def _waits_in_vain(world: World, state: Waiting | Staged) -> str | None:
    target = state.update.target
    held = world.hold or target.rollout.state is RolloutState.HELD
    said = world.published[-1]
    expired = world.late and (said is None or not said.late)
    reason = None if state.wait is None else state.wait.reason
    allowed = {WaitFor.HOLD: held, WaitFor.STATEMENT: expired}
    return None if reason and allowed.get(reason) else f"the host waits in {state.kind} for {reason}"
