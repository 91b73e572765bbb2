from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.publisher import RELEASER, FakeSigner, FakeStore, FakeVerifier, fake_bundle
from tests.support.publishing import IMAGE, OS_STABLE, World
from tests.support.statements import NOON, a_statement
from tidegate_publisher.ports import SignerId
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError

STRANGER = SignerId("stranger@example.org", RELEASER.issuer)


def refused(world: World, **changes: object) -> Code:
    with pytest.raises(TidegateError) as caught:
        world.announce(**changes)  # type: ignore[arg-type]
    return caught.value.code


def test_the_first_statement_says_what_the_release_says() -> None:
    world = World()
    said = world.announce(notes="first", expires_in=timedelta(days=2)).statement
    predicate = said.predicate
    assert said.digest == IMAGE.digest
    assert predicate.image.references == ("registry.example/os",)
    assert predicate.image.platforms == IMAGE.platforms
    assert (predicate.sequence, predicate.version, predicate.notes) == (1, "1.2", "first")
    assert (predicate.issued_at, predicate.expires) == (NOON, NOON + timedelta(days=2))
    assert predicate.rollout.seed == "a-seed"
    assert world.stands().statement == said


def test_the_resolved_tag_is_said() -> None:
    world = World()
    world.announce()
    assert (
        f"registry.example/os:1.2 is {IMAGE.digest} now; that digest is what gets signed"
        in world.progress.notes
    )


def test_each_announcement_takes_the_next_sequence() -> None:
    world = World()
    sequences = [world.announce().statement.predicate.sequence for _ in range(3)]
    assert sequences == [1, 2, 3]


@pytest.mark.parametrize("sequence", [6, 7])
def test_a_sequence_at_or_below_the_announced_one_is_refused_before_signing(sequence: int) -> None:
    world = World()
    world.announce(sequence=7)
    before = list(world.signer.signed)
    assert refused(world, sequence=sequence) is Code.SEQUENCE_LOWER
    assert world.signer.signed == before
    assert len(world.store.published) == 1


def test_the_floor_never_sinks() -> None:
    world = World()
    world.announce(sequence=9, floor=5)
    assert world.announce().statement.predicate.floor == 5
    assert world.announce(floor=7).statement.predicate.floor == 7
    assert world.announce(floor=6).statement.predicate.floor == 7


def test_what_does_not_verify_after_signing_is_not_announced() -> None:
    world = World(verifier=FakeVerifier(frozenset({STRANGER})))
    assert refused(world) is Code.ANNOUNCE_UNVERIFIED
    assert world.store.published == []


def test_a_signer_that_signs_something_else_is_found_out() -> None:
    world = World(signer=FakeSigner(garble=lambda payload: payload.replace(b'"1.2"', b'"6.6"')))
    assert refused(world) is Code.ANNOUNCE_UNVERIFIED
    assert world.store.published == []


def test_a_statement_too_large_for_hosts_is_not_announced() -> None:
    padding = b" " * limits.STATEMENT_BYTES
    world = World(signer=FakeSigner(garble=lambda payload: payload + padding))
    assert refused(world) is Code.STATEMENT_OVERSIZE


def test_nothing_is_published_when_signing_fails() -> None:
    world = World(signer=FakeSigner(error=TidegateError(Code.SIGN_FAILED, "Rekor is down")))
    assert refused(world) is Code.SIGN_FAILED
    assert world.store.published == []


def test_another_signer_than_before_needs_a_policy() -> None:
    world = World()
    world.announce()
    world.signer.name = STRANGER
    assert refused(world) is Code.SIGNATURE_IDENTITY
    world.verifier = FakeVerifier(frozenset({RELEASER, STRANGER}))
    assert world.announce().signers == (STRANGER,)


def test_without_a_policy_nothing_of_a_stranger_is_signed_not_even_in_vain() -> None:
    theirs = a_statement(sequence=900000, floor=900000, issued_at=NOON)
    world = World(store=FakeStore({OS_STABLE: fake_bundle(theirs.to_json(), STRANGER)}))
    assert refused(world) is Code.SIGNATURE_IDENTITY
    assert world.signer.signed == []


def test_without_a_policy_who_cannot_say_beforehand_who_signs_does_not_sign() -> None:
    world = World(signer=FakeSigner(foretold=None))
    assert world.announce().statement.predicate.sequence == 1
    before = list(world.signer.signed)
    assert refused(world) is Code.SIGNATURE_IDENTITY
    assert world.signer.signed == before
    world.verifier = FakeVerifier(frozenset({RELEASER}))
    assert world.announce().statement.predicate.sequence == 2


def test_a_signer_who_turns_out_to_be_another_is_found_out() -> None:
    world = World()
    world.announce()
    world.signer.name, world.signer.foretold = STRANGER, RELEASER
    assert refused(world) is Code.SIGNATURE_IDENTITY
    assert len(world.store.published) == 1


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("https://ci.example/w.yml@refs/tags/v1", "https://ci.example/w.yml@refs/tags/v2", True),
        ("https://ci.example/w.yml@refs/tags/v1", "https://ci.example/x.yml@refs/tags/v1", False),
        ("a@refs/x", "a@refs/y", False),
        ("me@example.org", "me@example.com", False),
    ],
)
def test_only_the_ref_of_a_workflow_may_change(before: str, after: str, same: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    world = World(signer=FakeSigner(SignerId(before, "https://issuer.example")))
    world.announce()
    world.signer.name = SignerId(after, "https://issuer.example")
    if same:
        assert world.announce().statement.predicate.sequence == 2
    else:
        assert refused(world) is Code.SIGNATURE_IDENTITY


def test_another_issuer_is_another_signer() -> None:
    world = World()
    world.announce()
    world.signer.name = SignerId(RELEASER.identity, "https://other.example")
    assert refused(world) is Code.SIGNATURE_IDENTITY


def test_an_unverifiable_statement_is_only_replaced_on_demand_and_with_a_sequence() -> None:
    world = World(store=FakeStore({OS_STABLE: b"junk"}))
    assert refused(world) is Code.SIGNATURE_MISSING
    assert refused(world, sequence=4) is Code.SIGNATURE_MISSING
    assert refused(world, replace_unverified=True) is Code.SIGNATURE_MISSING
    replaced = world.announce(sequence=4, replace_unverified=True)
    assert replaced.statement.predicate.sequence == 4


def test_a_broker_that_acknowledges_and_drops_is_found_out() -> None:
    world = World(store=FakeStore(deaf=True))
    assert refused(world) is Code.BUS_REFUSED


@pytest.mark.parametrize("sequence", [1, 2])
def test_a_second_publisher_at_the_same_time_is_found_out(sequence: int) -> None:
    rival = fake_bundle(a_statement(sequence=sequence).to_json())
    world = World(store=FakeStore(rival=rival))
    assert refused(world) is Code.ANNOUNCE_CONFLICT


def test_junk_in_the_statements_place_is_found_out() -> None:
    world = World(store=FakeStore(rival=b"junk"))
    assert refused(world) is Code.ANNOUNCE_CONFLICT


def test_a_tag_without_digest_is_refused() -> None:
    assert refused(World(), image="registry.example/os:9") is Code.REFERENCE_NO_DIGEST


def test_a_deadline_in_the_past_is_refused() -> None:
    assert refused(World(), deadline=NOON) is Code.RELEASE_INVALID
