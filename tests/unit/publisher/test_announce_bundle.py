from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.publisher import RELEASER, FakeVerifier, fake_bundle
from tests.support.publishing import OS_STABLE, World
from tests.support.statements import NOON, a_statement, digest_of
from tidegate_publisher.ports import SignerId
from tidegate_schemas.codes import Code, TidegateError

STRANGER = SignerId("stranger@example.org", RELEASER.issuer)
THIRD = fake_bundle(a_statement(sequence=3).to_json())


def bring(world: World, bundle: bytes, *, replace: bool = False) -> bool:
    return world.announcing.bundle(bundle, replace_unverified=replace).changed


def refused(world: World, bundle: bytes) -> Code:
    with pytest.raises(TidegateError) as caught:
        bring(world, bundle)
    return caught.value.code


def test_a_bundle_goes_out_as_it_is_and_once() -> None:
    world = World()
    assert bring(world, THIRD) is True
    assert world.store.held[OS_STABLE] == THIRD
    assert bring(world, THIRD) is False
    assert world.store.published == [THIRD]


def test_a_lower_and_a_rival_bundle_are_refused() -> None:
    world = World()
    bring(world, THIRD)
    assert refused(world, fake_bundle(a_statement(sequence=2).to_json())) is Code.SEQUENCE_LOWER
    rival = fake_bundle(a_statement(digest_of("b"), sequence=3).to_json())
    assert refused(world, rival) is Code.STATEMENT_EQUIVOCATION
    assert world.store.published == [THIRD]


def test_an_expired_bundle_is_refused() -> None:
    world = World()
    world.clock.advance(timedelta(days=14))
    assert refused(world, THIRD) is Code.STATEMENT_EXPIRED


def test_a_bundle_from_the_future_is_refused() -> None:
    ahead = fake_bundle(a_statement(issued_at=NOON + timedelta(minutes=6), sequence=3).to_json())
    assert refused(World(), ahead) is Code.STATEMENT_NOT_YET_VALID
    within_skew = fake_bundle(a_statement(issued_at=NOON + timedelta(minutes=5), sequence=3).to_json())
    assert bring(World(), within_skew) is True


def test_an_unverified_bundle_is_refused() -> None:
    assert refused(World(), b"junk") is Code.ANNOUNCE_UNVERIFIED
    world = World(verifier=FakeVerifier(frozenset({STRANGER})))
    assert refused(world, THIRD) is Code.ANNOUNCE_UNVERIFIED


def test_another_signer_is_refused() -> None:
    world = World()
    bring(world, THIRD)
    assert refused(world, fake_bundle(a_statement(sequence=4).to_json(), STRANGER)) is Code.SIGNATURE_IDENTITY


def test_junk_is_replaced_on_demand() -> None:
    world = World()
    world.store.held[OS_STABLE] = b"junk"
    assert refused(world, THIRD) is Code.SIGNATURE_MISSING
    assert bring(world, THIRD, replace=True) is True
