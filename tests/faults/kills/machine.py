"""What the machine itself says: which edges it has, and which calls it makes in which state."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final
from unittest import mock

from tests.faults.kills.worlds import KINDS
from tests.support.samples import EVENTS, STATES
from tests.support.statements import NOON
from tidegate_agent import machine
from tidegate_agent.machine.rules import Rules
from tidegate_agent.update.commands import ReportNonsense, Transition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tidegate_agent.update.events import Event
    from tidegate_agent.update.states import State

Edge = tuple[str, str]
"""A kind of state and a kind of event that means something in it."""

CALLED_BY: Final = {
    "engine.stage": "Stage",
    "signatures.require": "Stage",
    "engine.activate": "Activate",
    "guard.arm": "Activate",
    "engine.rollback": "Rollback",
    "engine.discard": "Discard",
    "host.reboot": "Reboot",
    "health.run": "Prove",
    "host.inhibitors": "Assess",
    "lock.acquire": "Assess",
}
"""Which command of the machine makes a call; the calls that are not here are made whatever it says."""


def meaningful(transition: Transition) -> bool:
    """Whether the event meant something in that state."""
    return not any(isinstance(each, ReportNonsense) for each in transition.commands)


def edges() -> frozenset[Edge]:
    """Every edge of the machine, by walking all samples."""
    return frozenset(
        (state.kind, type(event).__name__)
        for state in STATES
        for event in EVENTS
        if meaningful(machine.step(state, event, NOON, Rules()))
    )


def commanded() -> dict[str, frozenset[str]]:
    """For each kind of state the commands that can be under way in it: given on the way into it, or in it."""
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for state in STATES:
        for event in EVENTS:
            transition = machine.step(state, event, NOON, Rules())
            found[transition.state.kind] |= {type(each).__name__ for each in transition.commands}
    return {kind: frozenset(names) for kind, names in found.items()}


@contextlib.contextmanager
def witnessed(taken: set[Edge]) -> Iterator[None]:
    """Note which edges the machine takes meanwhile. It only looks on: the machine answers as ever."""
    genuine = machine.step

    def step(state: State, event: Event, now: datetime, rules: Rules) -> Transition:
        transition = genuine(state, event, now, rules)
        if meaningful(transition):
            taken.add((state.kind, type(event).__name__))
        return transition

    with mock.patch.object(machine, "step", step):
        yield
