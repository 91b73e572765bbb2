"""The real verifier on messages of several signers, signed in-process: with and without a policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.publisher import RecordedProgress
from tests.support.bundles import a_message, broken, root_of
from tests.support.key_pairs import KeyPair
from tests.support.statements import NOON, a_statement
from tidegate_publisher.adapters.sigstore_verifier import SigstoreVerifier
from tidegate_publisher.countersign import Countersigning
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER as ISSUER
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_publisher.ports import SignerId
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import Rollout, RolloutState
from tidegate_wire.trust.cosigned import join
from tidegate_wire.trust.policy import Signer, SignerPolicy, exactly
from tidegate_wire.trust.rules import AllOf, AnyOf, Claim, Is

if TYPE_CHECKING:
    from collections.abc import Callable

ANN, BEN, EVE = (f"{name}@example.org" for name in ("ann", "ben", "eve"))
TWO = SignerPolicy((exactly(ANN, ISSUER), exactly(BEN, ISSUER)), threshold=2)
PAYLOAD = a_statement().to_json()
HELD = a_statement(rollout=Rollout(seed="s", state=RolloutState.HELD)).to_json()
TARGET = ("os", "stable")


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    return LocalSigstore.create(NOON)


@dataclass
class Person:
    """ports.Signer: somebody with tokens of a local Sigstore."""

    sigstore: LocalSigstore
    email: str

    def identity(self) -> SignerId:
        """See ports.Signer.identity."""
        return SignerId(self.email, ISSUER)

    def sign(self, payload: bytes) -> bytes:
        """See ports.Signer.sign."""
        return a_message(self.sigstore, payload, email=self.email)


def by(sigstore: LocalSigstore, *people: str, payload: bytes = PAYLOAD) -> bytes:
    return join([a_message(sigstore, payload, email=person) for person in people])


def verifier(sigstore: LocalSigstore, policy: SignerPolicy | None = None) -> SigstoreVerifier:
    return SigstoreVerifier(lambda: root_of(sigstore), policy)


def refused(attempt: Callable[[], object]) -> Code:
    with pytest.raises(TidegateError) as caught:
        attempt()
    return caught.value.code


@pytest.mark.parametrize("target", [None, TARGET])
@pytest.mark.parametrize("policy", [None, TWO])
def test_all_who_signed_are_told(
    sigstore: LocalSigstore, target: tuple[str, str] | None, policy: SignerPolicy | None
) -> None:
    message = by(sigstore, ANN, BEN)
    for verify in (verifier(sigstore, policy).verify, verifier(sigstore, policy).verify_each):
        found = verify(message, target)
        assert found.signers == (SignerId(ANN, ISSUER), SignerId(BEN, ISSUER))
        assert (found.payload, found.standing, found.enough) == (PAYLOAD, 2, True)


def test_what_lacks_signers_is_unfinished_and_not_false(sigstore: LocalSigstore) -> None:
    strict, message = verifier(sigstore, TWO), by(sigstore, ANN)
    assert refused(lambda: strict.verify(message, TARGET)) is Code.SIGNATURE_THRESHOLD
    found = strict.verify_each(message, TARGET)
    assert (found.standing, found.needed, found.enough) == (1, 2, False)
    held = strict.verify(by(sigstore, BEN, payload=HELD), TARGET)
    assert (held.standing, held.enough) == (1, False)


def test_a_stranger_beside_them_is_let_be_but_not_countersigned(sigstore: LocalSigstore) -> None:
    strict, message = verifier(sigstore, TWO), by(sigstore, ANN, EVE, BEN)
    assert len(strict.verify(message, TARGET).signers) == 2
    assert refused(lambda: strict.verify_each(message, TARGET)) is Code.SIGNATURE_IDENTITY


@pytest.mark.parametrize("place", [0, 1])
def test_without_a_policy_each_has_to_be_genuine(sigstore: LocalSigstore, place: int) -> None:
    bundles = [a_message(sigstore, PAYLOAD, email=person) for person in (ANN, BEN)]
    bundles[place] = broken(
        bundles[place], lambda bundle: bundle["dsseEnvelope"]["signatures"][0].update(sig="AAAA")
    )
    message, lenient = join(bundles), verifier(sigstore)
    assert refused(lambda: lenient.verify(message, TARGET)) is Code.SIGNATURE_THRESHOLD
    assert refused(lambda: lenient.verify_each(message, TARGET)) is Code.SIGNATURE_INVALID


def test_they_have_to_sign_the_same(sigstore: LocalSigstore) -> None:
    message = join([by(sigstore, ANN), by(sigstore, BEN, payload=a_statement(sequence=2).to_json())])
    assert refused(lambda: verifier(sigstore).verify(message, TARGET)) is Code.SIGNATURE_MALFORMED
    assert refused(lambda: verifier(sigstore, TWO).verify_each(message, TARGET)) is Code.SIGNATURE_MALFORMED


def test_a_key_pair_needs_no_root_and_has_to_be_named() -> None:
    pair = KeyPair("ours")
    message = pair.bundle(PAYLOAD)

    def no_root() -> None:
        raise AssertionError("the root was read")

    named = SigstoreVerifier(no_root, SignerPolicy((pair.signer,)))  # type: ignore[arg-type]
    assert named.verify(message, None).signers == (SignerId("ours", "a key pair"),)
    unnamed = SigstoreVerifier(no_root, None)  # type: ignore[arg-type]
    assert refused(lambda: unnamed.verify(message, TARGET)) is Code.TRUST_POLICY_EMPTY


def test_a_second_person_for_the_same_place_in_the_policy_gains_nothing(sigstore: LocalSigstore) -> None:
    either = AnyOf((Is(Claim.IDENTITY, ANN), Is(Claim.IDENTITY, BEN)))
    release_team = Signer(AllOf((either, Is(Claim.ISSUER, ISSUER))))
    policy = SignerPolicy((release_team, exactly(EVE, ISSUER)), threshold=2)

    def countersign(person: str) -> bool:
        use = Countersigning(
            Person(sigstore, person), verifier(sigstore, policy), FakeClock(NOON), RecordedProgress()
        )
        message = by(sigstore, ANN)
        return use.sign(message, use.look(message, None)).verified.enough

    assert refused(lambda: countersign(BEN)) is Code.SIGNATURE_THRESHOLD
    assert countersign(EVE)
