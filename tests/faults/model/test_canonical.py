"""What the model leaves out of a state makes no difference: a step from what is left leads to the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from tests.faults.model.canonical import BEFORE, HERE, LOW, bare_event, booted, canonical
from tests.support.samples import EVENTS, STATES
from tests.support.statements import NOON
from tidegate_agent import machine
from tidegate_agent.update.commands import (
    Activate,
    Command,
    Quarantine,
    Reboot,
    Report,
    Rollback,
    Stage,
)
from tidegate_agent.update.events import Admitted, Event, Restarted
from tidegate_agent.update.states import Idle, Settled, State, Verifying

LATER: Final = NOON + timedelta(hours=3)


def in_boot(state: State, boot: str) -> State:
    """The state as one of this boot, or of an earlier one."""
    here = state if isinstance(state, Idle | Settled | Verifying) else _of_boot(state, HERE)
    return here if boot == HERE else booted(here)


def _of_boot(state: State, boot: str) -> State:
    assert not isinstance(state, Idle | Settled | Verifying)
    return replace(state, update=replace(state.update, boot_id=boot))


def tried(state: State, attempt: int) -> State:
    """The state of an update that was tried so often."""
    if isinstance(state, Idle | Settled | Verifying):
        return state
    return replace(state, update=replace(state.update, attempt=attempt))


def essence(command: Command) -> tuple[object, ...]:
    """What the world sees of a command: no times, no words, no amounts."""
    match command:
        case Report(step, update, failure, wait):
            code, reason = failure and failure.code, wait and wait.reason
            return "report", step, update.target, code, reason
        case Stage(target):
            return "stage", target
        case Activate(digest) | Rollback(digest) | Quarantine(digest):
            return type(command).__name__, digest
        case Reboot(soft=soft):
            return "reboot", soft
    return (type(command).__name__,)


def reaches(state: State, event: Event) -> tuple[State, list[tuple[object, ...]]]:
    taken = machine.step(state, event, LATER, LOW)
    return taken.state, [essence(each) for each in taken.commands]


@pytest.mark.parametrize("attempt", [1, 2, 5])
@pytest.mark.parametrize("boot", [HERE, BEFORE])
def test_a_step_from_what_is_left_leads_to_the_same(boot: str, attempt: int) -> None:
    """From every sample, and from all that one step leads to: those the machine itself has made."""
    samples = [tried(in_boot(sample, boot), attempt) for sample in STATES]
    made = [reaches(state, _here(event))[0] for state in samples for event in EVENTS]
    for state in {canonical(each): each for each in (*made, *samples)}.values():
        for event in EVENTS:
            whole, told = reaches(state, _here(event))
            left, said = reaches(canonical(state), bare_event(_here(event)))
            assert canonical(whole) == canonical(left)
            assert told == said
        assert canonical(booted(state)) == canonical(booted(canonical(state)))


def _here(event: Event) -> Event:
    return replace(event, boot_id=HERE) if isinstance(event, Restarted | Admitted) else event


@pytest.mark.parametrize("sample", STATES, ids=lambda state: state.kind)
def test_what_is_left_can_be_looked_up(sample: State) -> None:
    for event in EVENTS:
        left = canonical(machine.step(canonical(sample), bare_event(event), NOON, LOW).state)
        assert {left: 1}[canonical(left)] == 1
        assert hash(bare_event(event)) == hash(bare_event(bare_event(event)))
