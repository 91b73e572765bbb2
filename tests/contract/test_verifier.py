"""What every verifier does, whether it does so with a child process and cryptography, or by memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.fakes import verifier as fakes
from tests.fakes.verifier import Person
from tests.support import bundles
from tests.support.statements import NOON, a_statement
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Follow
from tidegate_agent.ports import Verifier
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER, LocalSigstore, email_claims
from tidegate_schemas import limits
from tidegate_schemas.codes import Code
from tidegate_wire.trust.policy import SignerPolicy, exactly

if TYPE_CHECKING:
    from pathlib import Path


FOLLOW = Follow("os", "stable")
OTHER = Follow("os", "beta")


@dataclass(frozen=True)
class Subject:
    """A verifier, whom it trusts, and how to sign for it."""

    verifier: Verifier
    trusted: Person
    sign: Callable[[bytes, Person], bytes]


def _real(folder: Path) -> Subject:
    sigstore = LocalSigstore.create(NOON)
    path = folder / "trusted_root.json"
    path.write_text(sigstore.trusted_root_json())
    verifier = ChildVerifier(VerifyingChild(path), dict.fromkeys((FOLLOW.key, OTHER.key), bundles.POLICY))

    def sign(payload: bytes, signer: Person) -> bytes:
        return sigstore.sign_statement(payload, email_claims(signer.identity, signer.issuer), now=NOON)

    return Subject(verifier, Person(bundles.PERSON, DEVELOPMENT_ISSUER), sign)


def _fake() -> Subject:
    policy = SignerPolicy((exactly(fakes.SIGNER.identity, fakes.SIGNER.issuer),))
    verifier = fakes.FakeVerifier(dict.fromkeys((FOLLOW.key, OTHER.key), policy))
    return Subject(verifier, fakes.SIGNER, lambda payload, signer: verifier.sign(payload, signer, NOON))


@pytest.fixture(params=["child", "fake"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    return _real(tmp_path) if request.param == "child" else _fake()


def _refusal(subject: Subject, message: bytes, follow: Follow = FOLLOW) -> Code:
    with pytest.raises(RefusedError) as caught:
        subject.verifier.verify(follow, message)
    assert caught.value.reason
    return caught.value.code


def test_a_genuine_message_yields_the_signed_bytes_and_the_signer(subject: Subject) -> None:
    payload = a_statement().to_json()
    verdict = subject.verifier.verify(FOLLOW, subject.sign(payload, subject.trusted))
    assert verdict.payload == payload
    assert (verdict.identity, verdict.issuer) == (subject.trusted.identity, subject.trusted.issuer)
    assert verdict.signed_at_least == NOON


def test_asking_twice_answers_twice(subject: Subject) -> None:
    message = subject.sign(a_statement().to_json(), subject.trusted)
    first = subject.verifier.verify(FOLLOW, message)
    assert subject.verifier.verify(FOLLOW, message) == first


def test_another_signer_is_refused(subject: Subject) -> None:
    message = subject.sign(
        a_statement().to_json(), Person("x" + subject.trusted.identity, subject.trusted.issuer)
    )
    assert _refusal(subject, message) is Code.SIGNATURE_IDENTITY


def test_a_statement_of_another_channel_is_refused(subject: Subject) -> None:
    message = subject.sign(a_statement().to_json(), subject.trusted)
    assert _refusal(subject, message, OTHER) is Code.STATEMENT_TARGET


def test_other_signed_content_is_refused(subject: Subject) -> None:
    message = subject.sign(b'{"_type": "something else"}', subject.trusted)
    assert _refusal(subject, message) is Code.STATEMENT_TYPE


def test_an_unsigned_statement_is_refused(subject: Subject) -> None:
    assert _refusal(subject, a_statement().to_json()) is Code.SIGNATURE_MISSING


def test_an_oversized_message_is_refused(subject: Subject) -> None:
    assert _refusal(subject, b" " * (limits.STATEMENT_BYTES + 1)) is Code.STATEMENT_OVERSIZE


def test_a_follow_without_signers_is_refused(subject: Subject) -> None:
    message = subject.sign(a_statement().to_json(), subject.trusted)
    assert _refusal(subject, message, Follow("os", "unknown")) is Code.TRUST_POLICY_EMPTY


def test_the_fake_refuses_by_script() -> None:
    verifier = fakes.FakeVerifier()
    message = verifier.sign(a_statement().to_json())
    verifier.refuse(message, Code.SIGNATURE_LOG, "the log is gone")
    with pytest.raises(RefusedError, match="the log is gone") as caught:
        verifier.verify(FOLLOW, message)
    assert caught.value.code is Code.SIGNATURE_LOG
    assert verifier.asked == [FOLLOW]
