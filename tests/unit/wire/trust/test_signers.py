"""Genuine bundles by somebody else: another signer, another instance, another purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.bundles import (
    PERSON,
    SIGNER,
    a_message,
    accepted,
    refusal,
    root_of,
)
from tests.support.statements import NOON, a_statement
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER, LocalSigstore, bundle, email_claims
from tidegate_publisher.devstack.sigstore.ca import LeafRequest
from tidegate_publisher.devstack.sigstore.dsse import sign_envelope
from tidegate_publisher.devstack.sigstore.identity import identity_of
from tidegate_schemas.codes import Code
from tidegate_wire.trust.policy import SignerPolicy, exactly

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_publisher.devstack.sigstore.dsse import SigningKey
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

CLAIMS = email_claims(PERSON)


@pytest.mark.parametrize("identity", ["someone@example.org", "x" + PERSON, PERSON + "x", PERSON.upper()])
def test_another_identity(sigstore: LocalSigstore, rekor: RekorVersion, identity: str) -> None:
    error = refusal(a_message(sigstore, rekor=rekor, email=identity), sigstore)
    assert error.code is Code.SIGNATURE_IDENTITY
    assert identity in error.reason
    assert PERSON in error.reason


def test_another_issuer(sigstore: LocalSigstore) -> None:
    error = refusal(a_message(sigstore, issuer="https://evil.example"), sigstore)
    assert error.code is Code.SIGNATURE_IDENTITY
    assert "https://evil.example" in error.reason


def test_identity_and_issuer_of_two_different_signers(sigstore: LocalSigstore) -> None:
    policy = SignerPolicy(
        (exactly(PERSON, "https://evil.example"), exactly("me@example.org", DEVELOPMENT_ISSUER))
    )
    assert refusal(a_message(sigstore), sigstore, policy).code is Code.SIGNATURE_IDENTITY


def test_any_one_signer_is_enough(sigstore: LocalSigstore) -> None:
    policy = SignerPolicy((exactly("me@example.org", DEVELOPMENT_ISSUER), SIGNER))
    found = accepted(a_message(sigstore), root_of(sigstore), policy)
    assert found.identity == PERSON


def test_another_instance(sigstore: LocalSigstore, other: LocalSigstore, rekor: RekorVersion) -> None:
    # The other instance's authority bears the same name: only its key tells it from ours.
    assert refusal(a_message(other, rekor=rekor), sigstore).code is Code.SIGNATURE_ROOT


def _signed_with(
    sigstore: LocalSigstore, key: SigningKey, *, sct: bool = True, usage: str = "CODE_SIGNING"
) -> bytes:
    usages = (getattr(ExtendedKeyUsageOID, usage),)
    request = LeafRequest(key.public_key(), identity_of(CLAIMS), NOON, usages=usages)
    certificate = sigstore.ca.issue(request, sigstore.ctlog if sct else None)
    envelope = sign_envelope(a_statement().to_json(), key)
    return bundle.to_bytes(sigstore.log_and_bundle(certificate, envelope, "v1", NOON))


def test_a_certificate_that_no_log_saw(sigstore: LocalSigstore) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    assert refusal(_signed_with(sigstore, key, sct=False), sigstore).code is Code.SIGNATURE_LOG


def test_a_certificate_that_only_an_unknown_log_saw(sigstore: LocalSigstore, other: LocalSigstore) -> None:
    root = sigstore.trusted_root() | {"ctlogs": other.trusted_root()["ctlogs"]}
    assert refusal(a_message(sigstore), sigstore, root=root).code is Code.SIGNATURE_LOG


def test_a_certificate_for_another_purpose(sigstore: LocalSigstore) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    message = _signed_with(sigstore, key, usage="SERVER_AUTH")
    assert refusal(message, sigstore).code is Code.SIGNATURE_ROOT


@pytest.mark.parametrize(
    "make", [ed25519.Ed25519PrivateKey.generate, lambda: ec.generate_private_key(ec.SECP384R1())]
)
def test_another_kind_of_key(sigstore: LocalSigstore, make: Callable[[], SigningKey]) -> None:
    assert refusal(_signed_with(sigstore, make()), sigstore).code is Code.SIGNATURE_MALFORMED
