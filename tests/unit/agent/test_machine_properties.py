"""The machine under any events in any order: the rules of the machine hold, and there is always a way out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.samples import EVENTS as SAMPLES
from tests.support.samples import REVOKED, SICK, STATES, WELL, WINDOW
from tests.support.statements import NOON
from tests.support.updates import BOOT, FAILURE, LATER_BOOT, NEW, NEWER, OLD, a_target, an_update
from tidegate_agent import machine
from tidegate_agent.machine.rules import Rules
from tidegate_agent.model import ImageStatus
from tidegate_agent.update.commands import (
    Activate,
    Assess,
    Prove,
    Quarantine,
    Reboot,
    Report,
    Rollback,
    Stage,
    Transition,
    WakeAfter,
    WakeAt,
)
from tidegate_agent.update.events import (
    Activated,
    ActivateFailed,
    Admitted,
    Assessed,
    CancelRequested,
    Event,
    Heard,
    Known,
    Progressed,
    Proved,
    Refused,
    Restarted,
    RollbackFailed,
    RollbackRequested,
    RolledBack,
    StageDone,
    StageFailed,
    Woken,
)
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
    Update,
    Verifying,
    Waiting,
)
from tidegate_schemas.events import Step

RULES: Final = Rules()
DIGESTS: Final = st.sampled_from([OLD, NEW, NEWER])
MAYBE: Final = st.none() | DIGESTS
IMAGES: Final = st.builds(ImageStatus, DIGESTS, MAYBE, MAYBE)
BOOTS: Final = st.sampled_from([BOOT, LATER_BOOT, "boot-3"])
NAMES: Final = st.sampled_from(["f00", "f01"])
TARGETS: Final = st.builds(
    lambda digest, sequence, revoked: a_target(
        digest, sequence=sequence, **({"rollout": REVOKED} if revoked else {})
    ),
    DIGESTS,
    st.integers(1, 5),
    st.booleans(),
)
ADMITTED: Final = st.builds(
    Admitted, NAMES, TARGETS, st.integers(1, 8), IMAGES, BOOTS, st.just(0), st.none() | st.just(FAILURE)
)
FAILURES: Final = st.just(FAILURE)
EVENTS: Final[st.SearchStrategy[Event]] = st.one_of(
    ADMITTED,
    st.builds(Restarted, IMAGES, BOOTS),
    st.builds(Heard, NAMES),
    st.builds(Refused, NAMES, FAILURES),
    st.builds(Known, NAMES),
    st.sampled_from([Assessed(None), Assessed(WINDOW), Woken(), Proved(WELL), Proved(SICK)]),
    st.builds(Progressed, DIGESTS, st.integers(0, 100), st.just(5)),
    st.builds(StageDone, DIGESTS, DIGESTS, st.just(5)),
    st.builds(StageFailed, DIGESTS, FAILURES, st.booleans()),
    st.builds(Activated, st.booleans()),
    st.builds(ActivateFailed, FAILURES),
    st.builds(RolledBack, st.booleans()),
    st.builds(RollbackFailed, FAILURES),
    st.builds(CancelRequested, FAILURES),
    st.builds(RollbackRequested, FAILURES, st.just(an_update())),
)
HISTORIES: Final = st.lists(st.tuples(EVENTS, st.integers(0, 900)), max_size=40)
STATEMENTS: Final = (Heard, Refused, Known, Admitted)
COMMITTED: Final = (Activating, Rebooting, Proving, RollingBack)

Walk = list[tuple[State, Event, Transition]]


def walk(history: list[tuple[Event, int]], state: State | None = None) -> Walk:
    """Every step that a history leads through. Time passes by the seconds beside each event."""
    now, at, taken = NOON, state or Idle(), []
    for event, seconds in history:
        now += timedelta(seconds=seconds)
        transition = machine.step(at, event, now, RULES)
        taken.append((at, event, transition))
        at = transition.state
    return taken


# From any state, because few random histories get as far as the proof.
WALKS: Final = st.builds(walk, HISTORIES, st.sampled_from([Idle(), *STATES]))


def resting(state: State) -> State:
    return state.before if isinstance(state, Verifying) else state


@settings(max_examples=300)
@given(WALKS)
def test_no_statement_ends_what_has_begun_to_activate(taken: Walk) -> None:
    for before, event, after in taken:
        if isinstance(before, COMMITTED) and isinstance(event, STATEMENTS):
            assert after.state == before


@settings(max_examples=300)
@given(WALKS)
def test_a_refusal_changes_nothing(taken: Walk) -> None:
    for before, event, after in taken:
        if isinstance(event, Refused | Heard):
            assert resting(after.state) == resting(before)


@settings(max_examples=300)
@given(WALKS)
def test_an_end_is_told_once_and_only_where_an_update_ended(taken: Walk) -> None:
    for before, event, after in taken:
        endings = [c for c in after.commands if isinstance(c, Report) and c.step.final]
        if isinstance(resting(before), Settled | Idle) and not isinstance(event, Admitted):
            assert endings == []
        # A newer statement may end one update and another at once: superseded, and rejected or there already.
        assert len(endings) <= (2 if isinstance(event, Admitted) else 1)
        ended = [c.update.target.digest for c in endings]
        assert len(set(ended)) == len(ended)
        newly = isinstance(after.state, Settled) and not isinstance(resting(before), Settled)
        if newly and not isinstance(event, Refused | Known | Restarted):
            assert endings


@settings(max_examples=300)
@given(WALKS)
def test_what_is_quarantined_is_left(taken: Walk) -> None:
    for _, _, after in taken:
        for command in after.commands:
            if isinstance(command, Quarantine):
                update = machine.update_of(after.state)
                assert update is not None
                assert update.target.digest == command.digest
                assert isinstance(after.state, RollingBack | Settled)
                assert not (isinstance(after.state, Settled) and after.state.outcome is Outcome.SUCCEEDED)


@settings(max_examples=300)
@given(WALKS)
def test_commands_are_given_where_they_belong(taken: Walk) -> None:
    belongs: dict[type, tuple[type, ...]] = {
        Stage: (Staging,),
        Activate: (Activating,),
        Reboot: (Rebooting, RollingBack),
        Prove: (Proving,),
        Rollback: (RollingBack,),
        Assess: (Waiting, Staged),
    }
    for _, _, after in taken:
        update = machine.update_of(after.state)
        for command in after.commands:
            if type(command) in belongs:
                assert isinstance(after.state, belongs[type(command)])
            if isinstance(command, Stage | Assess):
                assert update is not None
                assert command.target == update.target
            if isinstance(command, Activate):
                assert update is not None
                assert command.digest == update.target.digest


def check_success(taken: Walk) -> None:
    for before, event, after in taken:
        for command in after.commands:
            if isinstance(command, Report) and command.step is Step.SUCCEEDED:
                if isinstance(event, Admitted):
                    assert event.image.current == command.update.target.digest
                else:
                    assert isinstance(before, Proving)
                    assert isinstance(event, Proved)
                    assert event.health.ok


@settings(max_examples=300)
@given(WALKS)
def test_success_is_said_after_health_or_of_what_runs_already(taken: Walk) -> None:
    check_success(taken)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.kind)
def test_no_two_events_lead_to_a_success_without_health(state: State) -> None:
    """Every pair of samples, because chance seldom sends a sick image's proof to the state that awaits it."""
    for first in SAMPLES:
        for second in SAMPLES:
            check_success(walk([(first, 1), (second, 1)], state))


@settings(max_examples=300)
@given(WALKS)
def test_only_an_admitted_target_is_ever_worked_on(taken: Walk) -> None:
    first = machine.update_of(taken[0][0]) if taken else None
    admitted = set() if first is None else {(first.target.digest, first.target.sequence)}
    for _, event, after in taken:
        if isinstance(event, Admitted):
            admitted.add((event.target.digest, event.target.sequence))
        if isinstance(event, RollbackRequested):
            # What runs was admitted once; the journal remembers.
            admitted.add((event.update.target.digest, event.update.target.sequence))
        update = machine.update_of(after.state)
        if update is not None:
            assert (update.target.digest, update.target.sequence) in admitted


@settings(max_examples=300)
@given(WALKS)
def test_marks_only_grow_within_an_update(taken: Walk) -> None:
    for before, _, after in taken:
        old, new = machine.update_of(before), machine.update_of(after.state)
        if old is not None and new is not None and new.target.digest == old.target.digest:
            times = [at for _, at in new.marks]
            assert times == sorted(times)


# What a restart leads to


@settings(max_examples=200)
@given(WALKS, IMAGES, BOOTS)
def test_a_restart_asks_again_for_what_is_needed(taken: Walk, image: ImageStatus, boot: str) -> None:
    state = taken[-1][2].state if taken else Idle()
    after = machine.step(state, Restarted(image, boot), NOON, RULES)
    needed: dict[type, type] = {
        Waiting: Assess,
        Staging: Stage,
        Staged: Assess,
        Activating: Activate,
        Rebooting: Reboot,
        Proving: Prove,
        RollingBack: Rollback,
    }
    assert not isinstance(after.state, Verifying)
    if type(after.state) in needed:
        assert needed[type(after.state)] in {type(command) for command in after.commands}


def answer(state: State, transition: Transition) -> Event | None:  # noqa: PLR0911 - one table, a row a line
    """What a world in which all goes well answers to the last command that wants an answer."""
    update = machine.update_of(state)
    for command in reversed(transition.commands):
        match command:
            case Assess():
                return Assessed(None)
            case Stage(target):
                return StageDone(target.digest, target.digest, 5)
            case Activate():
                return Activated(reboot_required=True)
            case Reboot() if isinstance(state, RollingBack):
                return Restarted(ImageStatus(state.back_to, None, None), "boot-after")
            case Reboot() if update is not None:
                return Restarted(ImageStatus(update.target.digest, None, OLD), "boot-after")
            case Prove():
                return Proved(WELL)
            case Rollback():
                arrived = isinstance(state, RollingBack) and state.reboots > 0
                return RolledBack(reboot_required=not arrived)
            case WakeAt() | WakeAfter():
                return Woken()
    return None


@settings(max_examples=300)
@given(WALKS)
def test_from_everywhere_a_good_world_leads_to_an_end(taken: Walk) -> None:
    """After a power cut answers alone lead to rest: no state waits for what never comes."""
    state = taken[-1][2].state if taken else Idle()
    assert isinstance(settle(state, NOON + timedelta(days=1)), Idle | Settled)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.kind)
def test_from_every_sample_a_good_world_leads_to_an_end(state: State) -> None:
    assert isinstance(settle(state, NOON), Idle | Settled)


def settle(state: State, now: datetime) -> State:
    update = machine.update_of(state)
    current = OLD if update is None else update.previous or OLD
    event: Event | None = Restarted(ImageStatus(current, None, None), BOOT)
    for _ in range(12):
        if event is None:
            break
        transition = machine.step(state, event, now, RULES)
        state = transition.state
        event = answer(state, transition)
    return state


def test_a_world_that_never_reboots_well_ends_too() -> None:
    """The boot that never brings the image ends the update after `reboots` of them."""
    state: State = Rebooting(replace(_update_of(STATES[7]), reboots=0))
    for number in range(20):
        boot = f"boot-{number + 10}"
        transition = machine.step(state, Restarted(ImageStatus(OLD, None, None), boot), NOON, RULES)
        state = transition.state
        while not isinstance(state, Settled | Rebooting):
            event = answer(state, transition)
            assert event is not None
            transition = machine.step(state, event, NOON, RULES)
            state = transition.state
        if isinstance(state, Settled):
            break
    assert isinstance(state, Settled)
    assert state.update.reboots <= RULES.reboots


def _update_of(state: State) -> Update:
    update = machine.update_of(state)
    assert update is not None
    return update
