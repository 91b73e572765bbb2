"""A way through the model, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.model.world import LETTERS
from tidegate_agent import machine
from tidegate_agent.update.states import Settled, Verifying

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.faults.model.shell import Shell
    from tests.faults.model.world import Act, World
    from tidegate_agent.update.states import State


def told(shell: Shell, path: Iterable[tuple[Act | None, World]]) -> str:
    """What happened, and after each step what is the case then."""
    return "\n".join(
        f"  {'at first' if act is None else act.words:<50} | {look(shell, world)}" for act, world in path
    )


def look(shell: Shell, world: World) -> str:
    """A world in a line."""
    disk = shell.work.disks[world.disk]
    images = "/".join(
        LETTERS[each] for each in (disk.status.current, disk.status.staged, disk.status.previous)
    )
    activated, queued = "!" if disk.armed else "", " (queued)" if disk.status.rollback_queued else ""
    ops = [type(shell.work.ops[each].command).__name__ for each in world.ops]
    parts = [
        "down" if world.down else _state(shell.states[world.state]),
        f"accepted {shell.memories[world.memory].sequence}",
        f"runs/staged/previous {images}{activated}{queued}",
    ]
    parts += [f"guard {LETTERS[world.guard.armed]}"] if world.guard.armed else []
    parts += [f"guard left {LETTERS[world.guard.fired]}"] if world.guard.fired else []
    parts += (
        [f"quarantine {','.join(LETTERS[each] for each in sorted(world.quarantine))}"]
        if world.quarantine
        else []
    )
    parts += [f"worker {','.join(ops)}"] if ops else []
    parts += ["reboot due"] if world.due else []
    return "; ".join(parts)


def _state(state: State) -> str:
    if isinstance(state, Verifying):
        return f"verifying, before {_state(state.before)}"
    update = machine.update_of(state)
    about = "" if update is None else f" {LETTERS[update.target.digest]}#{update.target.sequence}"
    outcome = f" {state.outcome}" if isinstance(state, Settled) else ""
    return f"{state.kind}{about}{outcome}"
