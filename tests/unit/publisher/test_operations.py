from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.publisher import FakeVerifier, fake_bundle
from tests.support.publishing import OS_STABLE, World
from tests.support.statements import NOON, a_statement
from tidegate_publisher.operations import Conditions, Operation
from tidegate_publisher.ports import SignerId
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import Rollout, RolloutState, Wave
from tidegate_schemas.statement import parse_statement

WEEK = timedelta(days=7)


def with_state(state: RolloutState = RolloutState.ACTIVE) -> World:
    world = World()
    statement = a_statement(sequence=3, rollout=Rollout(seed="s", state=state))
    world.store.held[OS_STABLE] = fake_bundle(statement.to_json())
    world.clock.advance(timedelta(days=1))
    return world


def run(world: World, operation: Operation, **conditions: object) -> bool:
    wanted = Conditions(**conditions)  # type: ignore[arg-type]
    return world.operating.run(operation, *OS_STABLE, wanted).changed


def refused(world: World, operation: Operation, **conditions: object) -> Code:
    held = dict(world.store.held)
    with pytest.raises(TidegateError) as caught:
        run(world, operation, **conditions)
    assert world.store.held == held
    return caught.value.code


@pytest.mark.parametrize(
    ("state", "operation", "expected"),
    [
        (RolloutState.ACTIVE, Operation.HOLD, RolloutState.HELD),
        (RolloutState.HELD, Operation.RESUME, RolloutState.ACTIVE),
        (RolloutState.ACTIVE, Operation.REVOKE, RolloutState.REVOKED),
        (RolloutState.HELD, Operation.REVOKE, RolloutState.REVOKED),
        (RolloutState.ACTIVE, Operation.HEARTBEAT, RolloutState.ACTIVE),
        (RolloutState.HELD, Operation.HEARTBEAT, RolloutState.HELD),
        (RolloutState.REVOKED, Operation.HEARTBEAT, RolloutState.REVOKED),
    ],
)
def test_the_state_changes_and_nothing_else_but_sequence_and_times(
    state: RolloutState, operation: Operation, expected: RolloutState
) -> None:
    world = with_state(state)
    before = world.stands().statement
    assert run(world, operation) is True
    after = world.stands().statement
    assert after.predicate.rollout.state is expected
    now = NOON + timedelta(days=1)
    assert (after.predicate.sequence, after.predicate.issued_at) == (4, now)
    assert after.predicate.expires == now + timedelta(days=14)
    changed = {"sequence", "issued_at", "expires", "rollout"}
    assert after.predicate.model_dump(exclude=changed) == before.predicate.model_dump(exclude=changed)
    assert after.subject == before.subject
    assert after.predicate.rollout.seed == "s"


@pytest.mark.parametrize(
    ("state", "operation"),
    [
        (RolloutState.HELD, Operation.HOLD),
        (RolloutState.ACTIVE, Operation.RESUME),
        (RolloutState.REVOKED, Operation.REVOKE),
    ],
)
def test_what_is_so_already_is_not_signed_again(state: RolloutState, operation: Operation) -> None:
    world = with_state(state)
    assert run(world, operation) is False
    assert world.signer.signed == []


@pytest.mark.parametrize("operation", [Operation.HOLD, Operation.RESUME, Operation.PROMOTE])
def test_a_revocation_is_final(operation: Operation) -> None:
    assert refused(with_state(RolloutState.REVOKED), operation) is Code.ROLLOUT_FINAL


@pytest.mark.parametrize("operation", list(Operation))
def test_nothing_is_built_on_nothing_or_on_junk(operation: Operation) -> None:
    assert refused(World(), operation) is Code.ANNOUNCE_MISSING
    world = World()
    world.store.held[OS_STABLE] = b"junk"
    assert refused(world, operation) is Code.SIGNATURE_MISSING


@pytest.mark.parametrize("operation", list(Operation))
def test_nothing_is_built_on_what_an_untrusted_signer_left(operation: Operation) -> None:
    world = with_state(RolloutState.HELD)
    world.verifier = FakeVerifier(frozenset({SignerId("other@example.org", "https://issuer.example")}))
    assert refused(world, operation) is Code.SIGNATURE_IDENTITY
    assert world.signer.signed == []


@pytest.mark.parametrize("operation", list(Operation))
def test_without_a_policy_a_strangers_statement_is_not_signed_even_in_vain(operation: Operation) -> None:
    world = World()
    state = RolloutState.HELD if operation is Operation.RESUME else RolloutState.ACTIVE
    rollout = Rollout(seed="s", state=state, waves=(Wave(name="rest"),))
    statement = a_statement(sequence=900000, rollout=rollout)
    stranger = SignerId("stranger@example.org", "https://issuer.example")
    world.store.held[OS_STABLE] = fake_bundle(statement.to_json(), stranger)
    assert refused(world, operation) is Code.SIGNATURE_IDENTITY
    assert world.signer.signed == []


@pytest.mark.parametrize("operation", list(Operation))
def test_an_old_statement_that_is_played_back_is_not_where_the_channel_is_expected(
    operation: Operation,
) -> None:
    world = with_state(RolloutState.HELD)
    old = world.store.held[OS_STABLE]
    run(world, Operation.HEARTBEAT)
    newest = world.stands().statement.predicate.sequence
    world.store.held[OS_STABLE] = old
    assert refused(world, operation, expected_sequence=newest) is Code.ANNOUNCE_CONFLICT


@pytest.mark.parametrize("operation", [Operation.RESUME, Operation.HEARTBEAT])
def test_an_expired_statement_is_not_brought_back_to_life(operation: Operation) -> None:
    world = with_state(RolloutState.HELD)
    world.clock.set(NOON + timedelta(days=14))
    assert refused(world, operation) is Code.STATEMENT_EXPIRED
    assert run(world, operation, even_if_expired=True) is True


@pytest.mark.parametrize("operation", [Operation.HOLD, Operation.REVOKE])
def test_an_expired_statement_can_be_stopped(operation: Operation) -> None:
    world = with_state()
    world.clock.set(NOON + timedelta(days=20))
    assert run(world, operation) is True


def test_the_expected_sequence_is_compared() -> None:
    assert refused(with_state(), Operation.HOLD, expected_sequence=2) is Code.ANNOUNCE_CONFLICT
    assert run(with_state(), Operation.HOLD, expected_sequence=3) is True


def test_another_validity() -> None:
    world = with_state()
    run(world, Operation.HEARTBEAT, validity=WEEK)
    assert world.stands().statement.predicate.expires == world.clock.now() + WEEK


def test_fields_of_a_newer_version_are_signed_again() -> None:
    world = with_state()
    content = a_statement(sequence=3).to_json().replace(b'"version":', b'"quorum":{"of":3},"version":')
    world.store.held[OS_STABLE] = fake_bundle(content)
    run(world, Operation.HEARTBEAT)
    assert parse_statement(world.signer.signed[0]).predicate.unknown() == {"quorum": {"of": 3}}
