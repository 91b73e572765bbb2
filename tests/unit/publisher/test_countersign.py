"""Several signers: what may go out with one, what may not, and how the others add theirs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fakes.publisher import RELEASER, FakeVerifier, fake_bundle
from tests.support.publishing import OS_STABLE, World, a_release
from tests.support.statements import NOON, a_statement
from tidegate_publisher.announce import NOTHING
from tidegate_publisher.countersign import Countersigning
from tidegate_publisher.operations import Conditions, Operation
from tidegate_publisher.ports import SignerId
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import Rollout, RolloutState
from tidegate_wire.trust.cosigned import MAX_BUNDLES, MEDIA_TYPE, join, split

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_publisher.publication import Signed

BEN = SignerId("ben@example.org", RELEASER.issuer)
STRANGER = SignerId("stranger@example.org", RELEASER.issuer)
STATEMENT = a_statement(sequence=3)
PAYLOAD = STATEMENT.to_json()
ONE = fake_bundle(PAYLOAD)
BOTH = join([ONE, fake_bundle(PAYLOAD, BEN)])


def two_needed() -> World:
    return World(verifier=FakeVerifier(frozenset({RELEASER, BEN}), needed=2))


def countersign(world: World, message: bytes, signer: SignerId = BEN) -> Signed:
    world.signer.name = signer
    use = Countersigning(world.signer, world.verifier, world.clock, world.progress)
    return use.sign(message, use.look(message, None))


def refused(attempt: Callable[[], object]) -> Code:
    with pytest.raises(TidegateError) as caught:
        attempt()
    return caught.value.code


def held(state: RolloutState = RolloutState.ACTIVE) -> bytes:
    return a_statement(sequence=3, rollout=Rollout(seed="s", state=state)).to_json()


def test_the_second_signs_the_same_bytes() -> None:
    world = two_needed()
    signed = countersign(world, ONE)
    assert world.signer.signed == [PAYLOAD]
    assert signed.bundle == BOTH
    assert (signed.verified.signers, signed.verified.enough) == ((RELEASER, BEN), True)
    assert world.announcing.bundle(signed.bundle, replace_unverified=False).changed
    assert world.store.held[OS_STABLE] == BOTH


def test_unusual_bytes_are_signed_as_they_are() -> None:
    spaced = json.dumps(json.loads(PAYLOAD), indent=1).encode()
    world = two_needed()
    countersign(world, fake_bundle(spaced))
    assert world.signer.signed == [spaced]


def test_with_three_needed_the_second_is_told_that_one_is_missing() -> None:
    world = World(verifier=FakeVerifier(frozenset({RELEASER, BEN, STRANGER}), needed=3))
    assert not countersign(world, ONE).verified.enough
    assert "2 of 3 signers needed; have it countersigned with `tidegate countersign`" in world.progress.notes


def test_the_same_signer_does_not_count_twice() -> None:
    assert refused(lambda: countersign(two_needed(), ONE, RELEASER)) is Code.SIGNATURE_THRESHOLD
    assert refused(lambda: countersign(World(), ONE, RELEASER)) is Code.SIGNATURE_THRESHOLD


def test_a_workflow_at_another_ref_is_the_same_signer() -> None:
    at = [SignerId(f"https://ci.example/r.yml@refs/tags/{tag}", RELEASER.issuer) for tag in ("v1", "v2")]
    message = fake_bundle(PAYLOAD, at[0])
    assert refused(lambda: countersign(World(), message, at[1])) is Code.SIGNATURE_THRESHOLD


def test_a_stranger_is_not_let_in_by_either_side() -> None:
    assert refused(lambda: countersign(two_needed(), ONE, STRANGER)) is Code.ANNOUNCE_UNVERIFIED
    with_stranger = join([ONE, fake_bundle(PAYLOAD, STRANGER)])
    world = two_needed()
    assert refused(lambda: countersign(world, with_stranger)) is Code.SIGNATURE_IDENTITY
    assert world.signer.signed == []


@pytest.mark.parametrize(
    ("later", "code"),
    [
        (timedelta(days=14), Code.STATEMENT_EXPIRED),
        (timedelta(minutes=-6), Code.STATEMENT_NOT_YET_VALID),
    ],
)
def test_what_is_not_fresh_is_not_signed(later: timedelta, code: Code) -> None:
    world = two_needed()
    world.clock.set(NOON + later)
    assert refused(lambda: countersign(world, ONE)) is code
    assert world.signer.signed == []


def test_what_was_signed_is_compared() -> None:
    world = two_needed()
    world.signer.garble = lambda payload: payload.replace(b'"1.0"', b'"6.6"')
    assert refused(lambda: countersign(world, ONE)) is Code.ANNOUNCE_UNVERIFIED


def test_what_is_larger_than_hosts_read_is_not_made() -> None:
    padded = json.loads(ONE)
    padded["padding"] = "x" * (limits.STATEMENT_BYTES - len(ONE) - 100)
    message = json.dumps(padded).encode()
    assert len(message) <= limits.STATEMENT_BYTES
    assert refused(lambda: countersign(two_needed(), message)) is Code.STATEMENT_OVERSIZE


def test_there_is_room_for_so_many_signers() -> None:
    people = [SignerId(f"{number}@example.org", RELEASER.issuer) for number in range(MAX_BUNDLES)]
    most = join([fake_bundle(PAYLOAD, one) for one in people[:-1]])
    full = countersign(World(), most, people[-1]).bundle
    assert len(split(full)) == MAX_BUNDLES
    world = World()
    assert refused(lambda: countersign(world, full)) is Code.STATEMENT_OVERSIZE
    assert world.signer.signed == []


def test_too_few_signers_are_not_announced_and_nothing_is_signed_for_it() -> None:
    world = two_needed()
    assert refused(world.announce) is Code.SIGNATURE_THRESHOLD
    assert refused(lambda: world.announcing.bundle(ONE, replace_unverified=False)) is Code.SIGNATURE_THRESHOLD
    assert (world.signer.signed, world.store.published) == ([], [])


def test_a_floor_that_one_of_two_named_is_not_handed_on() -> None:
    stops = Rollout(seed="s", state=RolloutState.HELD)
    theirs = a_statement(sequence=900, floor=900, rollout=stops).to_json()
    for message, floor in (
        (fake_bundle(theirs), 7),
        (join([fake_bundle(theirs), fake_bundle(theirs, BEN)]), 900),
    ):
        world = two_needed()
        world.store.held[OS_STABLE] = message
        release = a_release(floor=7)
        before = world.announcing.before(release, replace_unverified=False)
        signed = world.signing.sign(release, before, unfinished=True).signed
        assert signed.verified.statement.predicate.floor == floor
        assert any("floor of 900 is not kept" in note for note in world.progress.notes) is (floor == 7)


@pytest.mark.parametrize("complete", [True, False])
def test_to_stop_a_release_hands_on_no_floor_of_one_signer(complete: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    stops = Rollout(seed="s", state=RolloutState.HELD)
    theirs = a_statement(sequence=900, floor=900, rollout=stops).to_json()
    world = two_needed()
    both = join([fake_bundle(theirs), fake_bundle(theirs, BEN)])
    world.store.held[OS_STABLE] = both if complete else fake_bundle(theirs, BEN)
    assert world.operating.run(Operation.REVOKE, *OS_STABLE, Conditions()).changed
    said = world.stands().statement.predicate
    assert (said.rollout.state, said.floor) == (RolloutState.REVOKED, 900 if complete else 0)
    assert any("not handed on" in note for note in world.progress.notes) is not complete


def test_a_release_that_begins_held_needs_one() -> None:
    world = two_needed()
    announced = world.announce(rollout={"state": RolloutState.HELD})
    assert (announced.enough, len(world.store.published)) == (False, 1)
    assert any("only stops it" in note for note in world.progress.notes)


def test_signing_into_a_file_may_lack_signers() -> None:
    world = two_needed()
    signed = world.signing.sign(a_release(sequence=3), NOTHING, unfinished=True).signed
    assert not signed.verified.enough
    assert "1 of 2 signers needed; have it countersigned with `tidegate countersign`" in world.progress.notes
    assert world.store.published == []


@pytest.mark.parametrize("operation", [Operation.HOLD, Operation.REVOKE])
def test_one_signer_stops_a_release(operation: Operation) -> None:
    world = two_needed()
    world.store.held[OS_STABLE] = BOTH
    assert world.operating.run(operation, *OS_STABLE, Conditions()).changed
    assert world.stands().statement.predicate.rollout.state is operation.state


def test_one_signer_does_not_let_it_go_on() -> None:
    world = two_needed()
    said = held(RolloutState.HELD)
    world.store.held[OS_STABLE] = before = join([fake_bundle(said), fake_bundle(said, BEN)])
    attempt = world.operating.run
    assert refused(lambda: attempt(Operation.RESUME, *OS_STABLE, Conditions())) is Code.SIGNATURE_THRESHOLD
    assert (world.store.held[OS_STABLE], world.signer.signed) == (before, [])
    outcome = attempt(Operation.RESUME, *OS_STABLE, Conditions(), publish=False)
    assert (outcome.changed, world.store.held[OS_STABLE]) == (True, before)
    both = countersign(world, outcome.signed.bundle)
    assert world.announcing.bundle(both.bundle, replace_unverified=False).changed
    assert world.stands().statement.predicate.rollout.state is RolloutState.ACTIVE


@pytest.mark.parametrize("publish", [True, False])
@pytest.mark.parametrize(
    ("state", "operation"),
    [
        (RolloutState.HELD, Operation.RESUME),
        (RolloutState.HELD, Operation.HEARTBEAT),
        (RolloutState.REVOKED, Operation.HEARTBEAT),
    ],
)
def test_what_one_of_two_put_into_the_channel_gets_no_second_signature(
    state: RolloutState,
    operation: Operation,
    publish: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    world = two_needed()
    world.store.held[OS_STABLE] = before = fake_bundle(held(state), BEN)
    with pytest.raises(TidegateError) as caught:
        world.operating.run(operation, *OS_STABLE, Conditions(), publish=publish)
    assert caught.value.code is Code.SIGNATURE_THRESHOLD
    assert "Announce the release anew" in caught.value.reason
    assert (world.store.held[OS_STABLE], world.signer.signed) == (before, [])


@pytest.mark.parametrize("operation", [Operation.HOLD, Operation.HEARTBEAT])
def test_with_an_output_nothing_is_published(operation: Operation) -> None:
    world = World()
    world.store.held[OS_STABLE] = ONE
    assert world.operating.run(operation, *OS_STABLE, Conditions(), publish=False).changed
    assert (world.store.held[OS_STABLE], world.store.published) == (ONE, [])


def test_without_a_policy_all_who_signed_before_sign_again() -> None:
    world = World()
    world.store.held[OS_STABLE] = BOTH
    assert refused(world.announce) is Code.SIGNATURE_THRESHOLD
    assert world.store.held[OS_STABLE] == BOTH
    later = a_statement(sequence=4).to_json()
    alone, again = fake_bundle(later, BEN), join([fake_bundle(later, BEN), fake_bundle(later)])
    assert (
        refused(lambda: world.announcing.bundle(alone, replace_unverified=False)) is Code.SIGNATURE_THRESHOLD
    )
    assert world.announcing.bundle(again, replace_unverified=False).changed


def test_without_a_policy_one_of_them_stops_it_and_a_stranger_does_not() -> None:
    world = World()
    world.store.held[OS_STABLE] = BOTH
    world.signer.name = STRANGER
    hold = world.operating.run
    assert refused(lambda: hold(Operation.HOLD, *OS_STABLE, Conditions())) is Code.SIGNATURE_IDENTITY
    world.signer.name = BEN
    assert hold(Operation.HOLD, *OS_STABLE, Conditions()).changed


def test_the_message_form_is_the_wires() -> None:
    assert json.loads(BOTH)["mediaType"] == MEDIA_TYPE
