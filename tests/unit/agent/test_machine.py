"""The machine, rule by rule, and a table of every state with every event."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from tests.support.samples import EVENTS, EVERY_EVENT, SICK, WELL, WINDOW, admitted
from tests.support.statements import NOON
from tests.support.updates import (
    BOOT,
    EVERY_STATE,
    FAILURE,
    LATER_BOOT,
    NEW,
    NEWER,
    OLD,
    SETTLED,
    a_target,
    an_image,
    an_update,
)
from tidegate_agent import machine
from tidegate_agent.machine.rules import Rules
from tidegate_agent.model import CheckResult, Failure, Health, ImageStatus
from tidegate_agent.update.commands import (
    Activate,
    Assess,
    CancelStage,
    Command,
    Disarm,
    Discard,
    Prove,
    Quarantine,
    Reboot,
    Recheck,
    Report,
    ReportNonsense,
    ReportRefusal,
    Rollback,
    Stage,
    Transition,
    Verify,
    WakeAfter,
    WakeAt,
)
from tidegate_agent.update.events import (
    Activated,
    ActivateFailed,
    Assessed,
    CancelRequested,
    Event,
    Heard,
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
    Verifying,
    Waiting,
)
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, RolloutState

RULES: Final = Rules()


def go(state: State, event: Event, rules: Rules = RULES) -> Transition:
    return machine.step(state, event, NOON, rules)


def steps(transition: Transition) -> list[Step]:
    return [command.step for command in transition.commands if isinstance(command, Report)]


def kinds(commands: tuple[Command, ...]) -> list[type]:
    return [type(command) for command in commands]


@pytest.mark.parametrize("state", EVERY_STATE, ids=lambda state: state.kind)
@pytest.mark.parametrize("event", EVERY_EVENT, ids=lambda event: type(event).__name__)
def test_every_state_answers_every_event(state: State, event: Event) -> None:
    transition = go(state, event)
    nonsense = [each for each in transition.commands if isinstance(each, ReportNonsense)]
    if nonsense:
        assert transition == Transition(state, (ReportNonsense(state.kind, type(event).__name__),))
    endings = [step for step in steps(transition) if step.final]
    assert bool(endings) == (_settles(state, transition.state))


def _settles(before: State, after: State) -> bool:
    if not isinstance(after, Settled) or isinstance(before, Verifying):
        return False
    return before != after


def test_every_event_is_in_the_table() -> None:
    assert {type(event) for event in EVERY_EVENT} == set(Event.__args__)
    assert {type(state) for state in EVERY_STATE} == set(State.__args__)


# A message comes


@pytest.mark.parametrize("rest", [Idle(), SETTLED])
def test_a_message_is_verified(rest: Idle | Settled) -> None:
    assert go(rest, Heard("f00")) == Transition(Verifying("f00", rest), (Verify("f00"),))


@pytest.mark.parametrize("state", EVERY_STATE, ids=lambda state: state.kind)
def test_a_refusal_changes_nothing_but_what_is_reported(state: State) -> None:
    heard = go(state, Heard("bad")).state
    refused = go(heard, Refused("bad", FAILURE))
    assert refused.commands == (ReportRefusal("bad", FAILURE),)
    assert refused.state == (state.before if isinstance(state, Verifying) else state)


def test_an_admitted_target_is_assessed_before_anything_is_fetched() -> None:
    transition = go(Verifying("f00", Idle()), admitted())
    assert isinstance(transition.state, Waiting)
    assert steps(transition) == [Step.ACCEPTED]
    assert transition.commands[-1] == Assess(a_target(), to_activate=False)


def test_what_runs_already_has_succeeded() -> None:
    transition = go(Idle(), admitted(image=an_image(NEW)))
    assert isinstance(transition.state, Settled)
    assert steps(transition) == [Step.SUCCEEDED]


def test_a_heartbeat_for_what_runs_is_no_news() -> None:
    rest = Settled(an_update(), Outcome.SUCCEEDED)
    transition = go(rest, admitted(a_target(sequence=9), image=an_image(NEW)))
    assert transition.commands == ()
    assert isinstance(transition.state, Settled)
    assert transition.state.update.target.sequence == 9


def test_a_quarantined_target_is_rejected_once() -> None:
    first = go(Idle(), admitted(unfit=FAILURE))
    assert isinstance(first.state, Settled)
    assert steps(first) == [Step.REJECTED]
    assert go(first.state, admitted(a_target(sequence=2), unfit=FAILURE)).commands == ()


def test_a_revoked_release_is_not_begun() -> None:
    transition = go(Idle(), admitted(a_target(rollout=Rollout(seed="s", state=RolloutState.REVOKED))))
    assert steps(transition) == [Step.CANCELLED]


def test_a_withdrawal_is_told_once() -> None:
    revoked = Rollout(seed="s", state=RolloutState.REVOKED)
    first = go(Idle(), admitted(a_target(rollout=revoked)))
    again = go(first.state, admitted(a_target(sequence=2, rollout=revoked)))
    assert again.commands == ()
    assert isinstance(again.state, Settled)
    assert (again.state.outcome, again.state.update.target.sequence) == (Outcome.CANCELLED, 2)


# Waiting and staging


def test_nothing_in_the_way_begins_staging() -> None:
    transition = go(Waiting(an_update()), Assessed(None))
    assert isinstance(transition.state, Staging)
    assert transition.commands[-1] == Stage(a_target())


@pytest.mark.parametrize("state", [Waiting(an_update()), Staged(an_update())])
def test_a_reason_to_wait_is_told_once(state: Waiting | Staged) -> None:
    first = go(state, Assessed(WINDOW))
    assert isinstance(first.state, Waiting | Staged)
    assert first.state.wait == WINDOW
    assert kinds(first.commands) == [Report, WakeAt]
    assert kinds(go(first.state, Assessed(WINDOW)).commands) == [WakeAt]


def test_what_is_staged_is_what_was_verified() -> None:
    transition = go(Staging(an_update()), StageDone(NEW, NEWER, 5))
    assert isinstance(transition.state, Settled)
    assert transition.state.failure is not None
    assert transition.state.failure.code is Code.IMAGE_DIGEST_MISMATCH
    assert Discard() in transition.commands


def test_a_passing_failure_is_tried_again_with_growing_pauses() -> None:
    pauses = []
    for attempt in range(1, 5):
        transition = go(Staging(an_update(attempt=attempt)), StageFailed(NEW, FAILURE, retryable=True))
        assert isinstance(transition.state, Waiting)
        assert transition.state.update.attempt == attempt + 1
        assert transition.state.wait is not None
        assert transition.state.wait.until is not None
        pauses.append(transition.state.wait.until - NOON)
    assert pauses == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)]


def test_the_pause_is_capped_and_the_attempts_end() -> None:
    last = go(
        Staging(an_update(attempt=20)), StageFailed(NEW, FAILURE, retryable=True), Rules(stage_attempts=30)
    )
    assert last.commands[-1] == WakeAfter(RULES.retry_cap)
    end = go(Staging(an_update(attempt=6)), StageFailed(NEW, FAILURE, retryable=True))
    assert isinstance(end.state, Settled)
    assert end.state.outcome is Outcome.FAILED


def test_a_final_failure_gives_the_space_back() -> None:
    transition = go(Staging(an_update()), StageFailed(NEW, FAILURE, retryable=False))
    assert steps(transition) == [Step.FAILED]
    assert Discard() in transition.commands


@pytest.mark.parametrize(
    ("state", "stops"),
    [
        (Waiting(an_update()), []),
        (Staging(an_update()), [CancelStage, Discard]),
        (Staged(an_update()), [Discard]),
    ],
)
def test_a_newer_image_supersedes_until_activation(state: State, stops: list[type]) -> None:
    transition = go(state, admitted(a_target(NEWER, sequence=2)))
    assert isinstance(transition.state, Waiting)
    assert transition.state.update.target.digest == NEWER
    assert steps(transition) == [Step.SUPERSEDED, Step.ACCEPTED]
    assert [kind for kind in kinds(transition.commands) if kind in (CancelStage, Discard)] == stops


@pytest.mark.parametrize("state", EVERY_STATE[6:], ids=lambda state: state.kind)
def test_nothing_supersedes_from_activation_on(state: State) -> None:
    assert go(state, admitted(a_target(NEWER, sequence=2))) == Transition(state)


def test_a_newer_statement_of_the_same_image_is_taken_over() -> None:
    held = a_target(sequence=2, rollout=Rollout(seed="s", state=RolloutState.HELD))
    transition = go(Staged(an_update()), admitted(held))
    assert transition == Transition(
        Staged(replace(an_update(), target=held)), (Assess(held, to_activate=True),)
    )


@pytest.mark.parametrize("state", [Waiting(an_update()), Staging(an_update()), Staged(an_update())])
def test_a_newer_statement_may_say_that_the_image_is_not_for_this_host(
    state: Waiting | Staging | Staged,
) -> None:
    transition = go(state, admitted(a_target(sequence=2), unfit=FAILURE))
    assert steps(transition) == [Step.REJECTED]
    assert (Discard() in transition.commands) is not isinstance(state, Waiting)


def test_a_withdrawn_release_is_discarded() -> None:
    gone = a_target(sequence=2, rollout=Rollout(seed="s", state=RolloutState.REVOKED))
    transition = go(Staged(an_update()), admitted(gone))
    assert steps(transition) == [Step.CANCELLED]
    assert Discard() in transition.commands


def test_the_late_word_of_a_superseded_staging_is_ignored() -> None:
    state = Staging(an_update(NEWER))
    assert go(state, StageDone(NEW, NEW, 5)) == Transition(state)
    assert go(state, StageFailed(NEW, FAILURE, retryable=False)) == Transition(state)


# Activation, reboot, proof


def test_activation_without_reboot_leads_to_the_proof() -> None:
    transition = go(Activating(an_update()), Activated(reboot_required=False))
    assert isinstance(transition.state, Proving)
    assert transition.commands[-1] == Prove()


def test_activation_with_reboot_asks_for_it() -> None:
    transition = go(Activating(an_update()), Activated(reboot_required=True))
    assert isinstance(transition.state, Rebooting)
    assert transition.state.update.reboots == 1
    assert kinds(transition.commands) == [Report, WakeAfter, Reboot]


def test_a_soft_reboot_is_asked_for_as_such_again_and_again() -> None:
    asked = go(Activating(an_update()), Activated(reboot_required=True, soft=True))
    assert asked.commands[-1] == Reboot("update to 1.0", soft=True)
    assert go(asked.state, Woken()).commands[-1] == asked.commands[-1]


@pytest.mark.parametrize("state", [Activating(an_update()), Rebooting(an_update())])
def test_what_may_pass_is_tried_anew_and_leaves_nothing_to_come_up_unwatched(state: State) -> None:
    refused = go(state, ActivateFailed(FAILURE, retryable=True))
    assert isinstance(refused.state, Waiting)
    assert refused.state.update.attempt == 2
    assert {Disarm, Discard, WakeAfter} <= set(kinds(refused.commands))


@pytest.mark.parametrize(("attempt", "retryable"), [(RULES.stage_attempts, True), (1, False)])
def test_a_reboot_that_is_refused_for_ever_fails(attempt: int, *, retryable: bool) -> None:
    refused = go(Rebooting(an_update(attempt=attempt)), ActivateFailed(FAILURE, retryable))
    assert isinstance(refused.state, Settled)
    assert refused.state.outcome is Outcome.FAILED
    assert {Disarm, Discard} <= set(kinds(refused.commands))


def test_a_way_back_that_never_arrives_ends_and_says_so() -> None:
    state: State = RollingBack(an_update(), OLD, FAILURE)
    for number in range(RULES.reboots):
        transition = go(state, RolledBack(reboot_required=True))
        assert transition.commands[-1] == Reboot("return to the previous image")
        state = go(transition.state, Restarted(an_image(NEW), f"boot-{2 + number}")).state
    last = go(state, RolledBack(reboot_required=True))
    assert isinstance(last.state, Settled)
    assert last.state.failure is not None
    assert last.state.failure.code is Code.ROLLBACK_FAILED
    assert Reboot not in kinds(last.commands)


def test_restarts_of_the_agent_are_no_reboots_on_the_way_back() -> None:
    state = go(RollingBack(an_update(), OLD, FAILURE), RolledBack(reboot_required=True)).state
    for _ in range(2 * RULES.reboots):
        resumed = go(state, Restarted(an_image(NEW), BOOT))
        assert resumed.commands[-1] == Rollback(OLD)
        state = go(resumed.state, RolledBack(reboot_required=True)).state
        assert isinstance(state, RollingBack)
        assert state.reboots == 1


def test_a_soft_reboot_on_the_way_back_that_brought_nothing_is_followed_by_one_that_counts() -> None:
    """Where systemd does not count soft reboots, the boot's id stays: else they would go on for ever."""
    asked = go(RollingBack(an_update(), OLD, FAILURE), RolledBack(reboot_required=True, soft=True))
    assert asked.commands[-1] == Reboot("return to the previous image", soft=True)
    resumed = go(asked.state, Restarted(an_image(NEW), BOOT))
    again = go(resumed.state, RolledBack(reboot_required=True, soft=True))
    assert again.commands[-1] == Reboot("return to the previous image", soft=False)
    assert (isinstance(again.state, RollingBack) and again.state.reboots) == 1
    booted = go(again.state, Restarted(an_image(NEW), LATER_BOOT))
    last = go(booted.state, RolledBack(reboot_required=True, soft=True))
    assert last.commands[-1] == Reboot("return to the previous image", soft=True)


def test_the_way_back_knows_in_which_boot_it_began() -> None:
    proving = go(Rebooting(an_update(reboots=1)), Restarted(an_image(NEW), LATER_BOOT)).state
    assert isinstance(proving, Proving)
    back = go(replace(proving, round=RULES.health_rounds), Proved(SICK)).state
    asked = go(back, RolledBack(reboot_required=True)).state
    restarted = go(asked, Restarted(an_image(NEW), LATER_BOOT)).state
    assert isinstance(restarted, RollingBack)
    assert (restarted.reboots, restarted.pending) == (1, True)


WATCHED = (Activating(an_update()), Rebooting(an_update()), Proving(an_update()))


@pytest.mark.parametrize("state", EVERY_STATE, ids=lambda state: state.kind)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_the_guard_stands_down_when_nothing_is_to_be_watched_any_more(state: State, event: Event) -> None:
    transition = go(state, event)
    watched = isinstance(transition.state, tuple(map(type, WATCHED)))
    begins = isinstance(state, tuple(map(type, WATCHED))) or isinstance(event, Restarted)
    assert (Disarm() in transition.commands) == (begins and not watched)
    if Rollback in kinds(transition.commands):
        # Else a deadline in the middle of the way back would turn it round.
        assert not begins or transition.commands[0] == Disarm()


def test_success_is_said_after_health() -> None:
    transition = go(Proving(an_update()), Proved(WELL))
    assert steps(transition) == [Step.SUCCEEDED]
    assert transition.commands[-1] == Recheck()


def test_health_has_its_rounds_before_the_way_back() -> None:
    state: State = Proving(an_update())
    for _ in range(RULES.health_rounds - 1):
        transition = go(state, Proved(SICK))
        assert transition.commands == (WakeAfter(RULES.health_interval),)
        assert go(transition.state, Woken()).commands == (Prove(),)
        state = transition.state
    last = go(state, Proved(SICK))
    assert isinstance(last.state, RollingBack)
    assert kinds(last.commands) == [Disarm, Quarantine, Report, Rollback]
    assert last.commands[-1] == Rollback(OLD)


def test_only_time_that_was_spent_on_it_ends_the_proof() -> None:
    """However old its mark is: the clock may have been set, or the host have been off over the weekend."""
    begun = replace(an_update(), marks=((Step.PROVING, NOON - timedelta(days=3)),))
    assert isinstance(go(Proving(begun), Proved(SICK)).state, Proving)
    # A host that slept in the midst of the first round gets another one.
    assert isinstance(go(Proving(begun), Proved(SICK, RULES.health_timeout)).state, Proving)
    late = go(Proving(begun, round=2), Proved(SICK, RULES.health_timeout)).state
    assert isinstance(late, RollingBack)
    assert late.cause.code is Code.HEALTH_TIMEOUT


def test_success_tells_what_is_not_well_and_was_only_wanted() -> None:
    printer = CheckResult("printer", passed=False, required=False, output="offline")
    transition = go(Proving(an_update()), Proved(Health((printer,))))
    [report] = [each for each in transition.commands if isinstance(each, Report)]
    assert (report.step, report.note) == (Step.SUCCEEDED, "printer: offline")


def test_an_old_alarm_does_not_cost_a_health_round() -> None:
    assert go(Proving(an_update()), Woken()) == Transition(Proving(an_update()))


def test_without_a_previous_image_there_is_no_way_back() -> None:
    last = go(Proving(an_update(previous=None), round=3), Proved(SICK))
    assert isinstance(last.state, Settled)
    assert last.state.outcome is Outcome.FAILED
    assert Quarantine in kinds(last.commands)


def test_the_way_back_ends_rolled_back_for_its_cause() -> None:
    transition = go(RollingBack(an_update(), OLD, FAILURE), RolledBack(reboot_required=False))
    assert isinstance(transition.state, Settled)
    assert (transition.state.outcome, transition.state.failure) == (Outcome.ROLLED_BACK, FAILURE)


def test_a_failed_way_back_names_both_faults() -> None:
    broken = Failure(Code.DISK_IO, "read-only")
    transition = go(RollingBack(an_update(), OLD, FAILURE), RollbackFailed(broken))
    assert isinstance(transition.state, Settled)
    assert transition.state.failure is not None
    assert "read-only" in transition.state.failure.reason
    assert "503" in transition.state.failure.reason


# After a restart: the table of hosts.md


LATE: Final = Failure(Code.BOOT_DEADLINE, "no word from the agent for 15 minutes")

AFTER_RESTART: Final[tuple[tuple[str, State, ImageStatus, str, type, type | None], ...]] = (
    ("waiting", Waiting(an_update()), an_image(), BOOT, Waiting, Assess),
    ("staging goes on", Staging(an_update()), an_image(), LATER_BOOT, Staging, Stage),
    ("staged is there", Staged(an_update()), an_image(staged=NEW), BOOT, Staged, Assess),
    ("staged was lost", Staged(an_update()), an_image(), LATER_BOOT, Staging, Stage),
    ("activation again", Activating(an_update()), an_image(staged=NEW), BOOT, Activating, Activate),
    ("came up meanwhile", Activating(an_update()), an_image(NEW), LATER_BOOT, Proving, Prove),
    ("new image up", Rebooting(an_update(reboots=1)), an_image(NEW), LATER_BOOT, Proving, Prove),
    ("agent only", Rebooting(an_update(reboots=1)), an_image(staged=NEW), BOOT, Rebooting, Reboot),
    ("lost once", Rebooting(an_update(reboots=1)), an_image(), LATER_BOOT, Waiting, Assess),
    ("lost again", Rebooting(an_update(reboots=2)), an_image(), LATER_BOOT, Settled, Quarantine),
    ("fell back", Rebooting(an_update(reboots=1)), an_image(previous=NEW), LATER_BOOT, RollingBack, Rollback),
    ("proving goes on", Proving(an_update()), an_image(NEW), LATER_BOOT, Proving, Prove),
    ("fell back proving", Proving(an_update()), an_image(), LATER_BOOT, RollingBack, Quarantine),
    ("way back again", RollingBack(an_update(), OLD, FAILURE), an_image(NEW), BOOT, RollingBack, Rollback),
    ("way back done?", RollingBack(an_update(), OLD, FAILURE), an_image(), LATER_BOOT, RollingBack, Rollback),
)


@pytest.mark.parametrize(
    ("state", "image", "boot", "leads_to", "first"),
    [row[1:] for row in AFTER_RESTART],
    ids=[r[0] for r in AFTER_RESTART],
)
def test_after_a_restart(
    state: State, image: ImageStatus, boot: str, leads_to: type, first: type | None
) -> None:
    transition = go(state, Restarted(image, boot))
    assert isinstance(transition.state, leads_to)
    assert first in kinds(transition.commands)


@pytest.mark.parametrize(
    ("image", "guard", "code"),
    [
        (an_image(previous=NEW), None, Code.BOOT_FALLBACK),
        (an_image(previous=NEW), LATE, Code.BOOT_DEADLINE),
        (an_image(), LATE, Code.BOOT_DEADLINE),
        (an_image(), None, Code.BOOT_LOST),
    ],
)
def test_a_reboot_that_did_not_bring_the_image_is_named(
    image: ImageStatus, guard: Failure | None, code: Code
) -> None:
    restarted = go(Rebooting(an_update(reboots=2)), Restarted(image, LATER_BOOT, guard))
    [quarantine] = [each for each in restarted.commands if isinstance(each, Quarantine)]
    assert (quarantine.digest, quarantine.failure.code) == (NEW, code)


@pytest.mark.parametrize("state", [Rebooting(an_update(reboots=1)), Proving(an_update())])
def test_what_the_guard_is_about_to_leave_is_left(state: State) -> None:
    leaving = go(state, Restarted(an_image(NEW, previous=OLD), LATER_BOOT, LATE))
    assert isinstance(leaving.state, RollingBack)
    assert leaving.state.cause.code is Code.BOOT_DEADLINE
    assert leaving.commands[-1] == Rollback(OLD)


def test_a_lost_boot_is_told_with_what_the_engine_knows_of_it() -> None:
    image = replace(an_image(), fault="No space left on device")
    lost = go(Rebooting(an_update(reboots=2)), Restarted(image, LATER_BOOT))
    assert isinstance(lost.state, Settled)
    assert lost.state.failure is not None
    assert lost.state.failure.reason == "the new image was not there after 2 reboots: No space left on device"


def test_after_a_fallback_what_runs_is_made_to_stay() -> None:
    state = go(Rebooting(an_update(reboots=1)), Restarted(an_image(previous=NEW), LATER_BOOT))
    assert state.commands[-1] == Rollback(OLD)
    settled = go(state.state, RolledBack(reboot_required=False))
    assert isinstance(settled.state, Settled)
    assert settled.state.outcome is Outcome.ROLLED_BACK


# A person's word


@pytest.mark.parametrize("state", [Waiting(an_update()), Staging(an_update()), Staged(an_update())])
def test_a_person_may_cancel_before_activation(state: State) -> None:
    assert steps(go(state, CancelRequested(FAILURE))) == [Step.CANCELLED]


@pytest.mark.parametrize("outcome", Outcome)
def test_a_person_may_go_back_however_the_last_update_ended(outcome: Outcome) -> None:
    transition = go(Settled(an_update(NEWER), outcome), RollbackRequested(FAILURE, an_update()))
    assert isinstance(transition.state, RollingBack)
    assert transition.state.update.target.digest == NEW
    assert transition.commands[-1] == Rollback(OLD)


def test_there_must_be_something_to_go_back_to() -> None:
    asked = RollbackRequested(FAILURE, an_update(OLD, previous=OLD))
    assert kinds(go(SETTLED, asked).commands) == [ReportNonsense]


def test_one_update_at_a_time() -> None:
    blocking = {state.kind for state in EVERY_STATE if machine.blocks_others(state, to_activate=True)}
    assert blocking == {"activating", "rebooting", "proving", "rolling-back"}
    assert machine.blocks_others(Staging(an_update()), to_activate=False)
