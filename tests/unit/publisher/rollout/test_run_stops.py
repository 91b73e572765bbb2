"""Stops that cross a statement of the run: none is lost, and none hits another release."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fakes.publisher import fake_bundle
from tests.fakes.rollout import OS_STABLE
from tests.support.rollouts import Stage, a_fleet, a_gated_release
from tests.support.statements import a_statement, digest_of
from tidegate_agent.admission import Memory, Policy, admit
from tidegate_agent.errors import RefusedError
from tidegate_publisher.foundation import next_statement
from tidegate_publisher.operations import Operation
from tidegate_publisher.rollout.decisions import Finished, Hold, Outcome
from tidegate_schemas.codes import TidegateError
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_publisher.rollout.decisions import Decision
    from tidegate_schemas.statement import ChannelStatement

STOPS = pytest.mark.parametrize("operation", [Operation.HOLD, Operation.REVOKE])


class Host:
    """Admits what is announced by the agent's own rules, and remembers in which state the release is."""

    def __init__(self, stage: Stage) -> None:
        self._clock = stage.clock
        self._memory = Memory()
        self.state = RolloutState.ACTIVE

    def hear(self, statement: ChannelStatement) -> None:
        raw = hashlib.sha256(statement.to_json()).hexdigest()
        try:
            self._memory = admit(statement, raw, self._memory, Policy(), self._clock.now())
        except RefusedError:
            return
        self.state = statement.predicate.rollout.state


def written_late(stage: Stage, operation: Operation, *, by: int) -> Callable[[], None]:
    """Reads and signs a stop now; what is returned writes it over `by` statements of the run."""
    current = stage.channels().current(*OS_STABLE)
    assert current.verified is not None
    rollout = current.verified.statement.predicate.rollout.model_copy(update={"state": operation.state})
    statement = next_statement(current.verified, rollout, stage.clock.now(), stage.progress)
    signed = stage.desk().sign(statement, current.verified)

    def write() -> None:
        assert stage.stands().predicate.sequence == statement.predicate.sequence + by - 1
        stage.channels().publish(signed, current)

    return write


@STOPS
@pytest.mark.parametrize("by", [1, 2])
def test_a_stop_that_lands_after_a_statement_of_the_run_reaches_the_hosts(
    operation: Operation, by: int
) -> None:
    stage = Stage(a_gated_release(), a_fleet(30))
    host, signed = Host(stage), []

    def look(statement: ChannelStatement) -> None:
        host.hear(statement)
        if statement.predicate.sequence == 1:
            stage.park.in_s(30, lambda: signed.append(written_late(stage, operation, by=by)))
        if statement.predicate.sequence == 1 + by and signed:
            stage.park.in_s(0.1, signed.pop())

    stage.park.watch = look
    end = stage.run()
    assert end is not None
    assert end.outcome is (Outcome.HELD if operation is Operation.HOLD else Outcome.REVOKED)
    assert stage.stands().predicate.rollout.state is operation.state
    assert host.state is operation.state


def test_a_fix_that_follows_an_overwritten_stop_is_left_alone() -> None:
    stage = Stage(a_gated_release(), a_fleet(6))

    def announce_fix() -> None:
        sequence = stage.stands().predicate.sequence + 1
        fix = a_statement(digest_of("c"), sequence=sequence, version="1.3", issued_at=stage.clock.now())
        stage.park.store.publish(*OS_STABLE, fake_bundle(fix.to_json()))

    def look(_: ChannelStatement) -> None:
        if len(stage.park.announced) == 1:
            stage.park.store.before_publish = lambda: stage.operate(Operation.HOLD)
        if len(stage.park.announced) == 3:
            stage.park.in_s(0.2, announce_fix)

    stage.park.watch = look
    end = stage.run()
    assert end is not None
    assert end.outcome is Outcome.OVERTAKEN
    assert (stage.stands().predicate.version, stage.stands().predicate.rollout.state) == ("1.3", "active")


@pytest.mark.parametrize(
    ("until", "way", "operation", "outcome"),
    [
        ("canary", "well", Operation.HOLD, Outcome.HELD),
        (None, "well", Operation.REVOKE, Outcome.REVOKED),
        (None, "ill", Operation.REVOKE, Outcome.FAILED),
    ],
)
def test_the_last_statement_of_a_run_swallows_no_stop(
    until: str | None, way: str, operation: Operation, outcome: Outcome
) -> None:
    stage = Stage(a_gated_release(gate={"failures": {"count": 1}}), a_fleet(10, way=way))
    tell = stage.teller.decided

    def decided(decision: Decision, view: object) -> None:
        tell(decision, view)  # type: ignore[arg-type]
        if (isinstance(decision, Finished) and decision.release) or isinstance(decision, Hold):
            stage.park.store.before_publish = lambda: stage.operate(operation)

    stage.teller.decided = decided  # type: ignore[method-assign]
    end = stage.run(stage.plan(until=until))
    assert end is not None
    assert end.outcome is outcome
    assert stage.stands().predicate.rollout.state is operation.state


def test_a_hold_is_signed_on_top_of_what_came_while_it_was_signed() -> None:
    stage = Stage(a_gated_release(gate={"soak": timedelta(hours=1)}), a_fleet(5))
    stage.run(killed_after=20)
    stands = stage.stands().predicate.sequence
    stage.signer.meanwhile = lambda: stage.operate(Operation.HEARTBEAT)
    stage.operate(Operation.HOLD)
    assert stage.stands().predicate.rollout.state is RolloutState.HELD
    assert stage.stands().predicate.sequence == stands + 2
    stage.operate(Operation.RESUME)
    stage.signer.meanwhile = lambda: stage.operate(Operation.HEARTBEAT)
    with pytest.raises(TidegateError, match="while this was signed"):
        stage.operate(Operation.PROMOTE)


@pytest.mark.parametrize("delay_s", [0.0, 0.2, 2.0])
def test_a_hold_that_crossed_our_statement_is_not_lost_when_the_run_is_told_to_end(delay_s: float) -> None:
    stage = Stage(a_gated_release(), a_fleet(30))
    host, signed = Host(stage), []

    def end() -> None:
        raise KeyboardInterrupt

    def look(statement: ChannelStatement) -> None:
        host.hear(statement)
        if statement.predicate.sequence == 1:
            stage.park.in_s(30, lambda: signed.append(written_late(stage, Operation.HOLD, by=1)))
        elif statement.predicate.sequence == 2 and signed:
            stage.park.in_s(0.1, signed.pop())
            stage.park.in_s(0.1 + delay_s, end)

    stage.park.watch = look
    stage.run()
    assert stage.stands().predicate.rollout.state is RolloutState.HELD
    assert host.state is RolloutState.HELD


def test_a_run_that_was_done_up_to_a_wave_does_not_call_a_held_release_done() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    first = stage.run(stage.plan(until="canary"))
    assert first is not None
    assert first.outcome is Outcome.DONE
    stage.operate(Operation.HOLD)
    again = stage.run(stage.plan())
    assert again is not None
    assert again.outcome is Outcome.HELD
