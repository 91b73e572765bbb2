"""Statements under key pairs, for fleets without Sigstore: as strict as with certificates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.bundles import a_message, broken, refusal
from tests.support.key_pairs import KeyPair
from tests.support.statements import a_statement
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.cosigned import join
from tidegate_wire.trust.keys import NO_ISSUER
from tidegate_wire.trust.pem import require_p256
from tidegate_wire.trust.policy import KeySigner, SignerPolicy
from tidegate_wire.trust.verify import verify_statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_publisher.devstack.sigstore import LocalSigstore

OURS, OTHER = KeyPair("ours"), KeyPair("other")
PAYLOAD = a_statement().to_json()
POLICY = SignerPolicy((OURS.signer,))


def _verify(raw: bytes, policy: SignerPolicy = POLICY) -> Any:
    return verify_statement(raw, root=None, policy=policy, product="os", channel="stable")


def _refused(raw: bytes, policy: SignerPolicy = POLICY) -> Code:
    with pytest.raises(TidegateError) as caught:
        _verify(raw, policy)
    return caught.value.code


def test_a_genuine_statement_needs_no_root() -> None:
    found = _verify(OURS.bundle(PAYLOAD))
    assert (found.payload, found.identity, found.issuer) == (PAYLOAD, "ours", NO_ISSUER)
    assert found.signed_at_least is None


def test_logs_and_timestamps_that_came_along_are_let_be() -> None:
    raw = OURS.bundle(PAYLOAD, tlogEntries=[{"logIndex": "7"}], timestampVerificationData={})
    assert _verify(raw).payload == PAYLOAD


def test_another_key() -> None:
    assert _refused(OTHER.bundle(PAYLOAD)) is Code.SIGNATURE_IDENTITY


def test_any_one_key_is_enough_and_two_can_be_asked_for() -> None:
    either = SignerPolicy((OTHER.signer, OURS.signer))
    assert _verify(OURS.bundle(PAYLOAD), either).identity == "ours"
    both = SignerPolicy((OTHER.signer, OURS.signer), threshold=2)
    assert _refused(OURS.bundle(PAYLOAD), both) is Code.SIGNATURE_THRESHOLD
    assert _verify(join([OURS.bundle(PAYLOAD), OTHER.bundle(PAYLOAD)]), both).enough


def test_the_same_key_under_two_names_is_one_signer() -> None:
    twice = SignerPolicy((OURS.signer, KeySigner("again", OURS.pem)), threshold=2)
    assert _refused(join([OURS.bundle(PAYLOAD), OURS.bundle(PAYLOAD)]), twice) is Code.SIGNATURE_THRESHOLD


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda b: b["dsseEnvelope"].update(payload="e30="), Code.SIGNATURE_IDENTITY),
        (lambda b: b["dsseEnvelope"].update(payloadType="text/plain"), Code.STATEMENT_TYPE),
        (lambda b: b["dsseEnvelope"].update(signatures=[]), Code.SIGNATURE_MISSING),
        (lambda b: b["dsseEnvelope"]["signatures"].append({"sig": "AAAA"}), Code.SIGNATURE_MALFORMED),
        (lambda b: b["dsseEnvelope"]["signatures"][0].update(sig="AAAA"), Code.SIGNATURE_IDENTITY),
        (
            lambda b: b["verificationMaterial"].update(certificate={"rawBytes": "AAAA"}),
            Code.SIGNATURE_MALFORMED,
        ),
        (lambda b: b["verificationMaterial"].update(x509CertificateChain={}), Code.SIGNATURE_MALFORMED),
        (lambda b: b["verificationMaterial"].pop("publicKey"), Code.SIGNATURE_MALFORMED),
        (
            lambda b: b.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.3"),
            Code.SIGNATURE_MALFORMED,
        ),
    ],
)
def test_a_defect(change: Callable[[dict[str, Any]], object], code: Code) -> None:
    assert _refused(broken(OURS.bundle(PAYLOAD), change)) is code


def test_the_payload_type_is_signed_too() -> None:
    raw = broken(
        OURS.bundle(PAYLOAD, "text/plain"),
        lambda b: b["dsseEnvelope"].update(payloadType="application/vnd.in-toto+json"),
    )
    assert _refused(raw) is Code.SIGNATURE_IDENTITY


def test_a_certificate_where_a_key_is_trusted(sigstore: LocalSigstore) -> None:
    assert _refused(a_message(sigstore)) is Code.SIGNATURE_MALFORMED


def test_a_key_where_certificates_are_trusted(sigstore: LocalSigstore) -> None:
    assert refusal(OURS.bundle(PAYLOAD), sigstore).code is Code.SIGNATURE_MALFORMED


def test_certificates_need_a_root(sigstore: LocalSigstore) -> None:
    from tests.support.bundles import POLICY as BY_CERTIFICATE  # noqa: PLC0415 - ours is another

    assert _refused(a_message(sigstore), BY_CERTIFICATE) is Code.TRUST_ROOT_MISSING


@pytest.mark.parametrize("pem", ["", "rubbish", KeyPair("k", ec.SECP384R1()).pem])
def test_a_key_that_is_none(pem: str) -> None:
    assert _refused(OURS.bundle(PAYLOAD), SignerPolicy((KeySigner("k", pem),))) is Code.TRUST_KEY_UNUSABLE


@pytest.mark.parametrize(
    "pem",
    ["", "rubbish", KeyPair("k", ec.SECP384R1()).pem, OURS.pem + OTHER.pem, OURS.pem.replace("A", "*", 1)],
)
def test_a_file_that_holds_no_usable_key_is_told_without_cryptography(pem: str) -> None:
    with pytest.raises(TidegateError) as caught:
        require_p256(pem, "k")
    assert caught.value.code is Code.TRUST_KEY_UNUSABLE
    require_p256("a comment\n" + OURS.pem, "k")


def test_two_keys_with_one_name_cannot_be_told_apart() -> None:
    with pytest.raises(TidegateError) as caught:
        SignerPolicy((OURS.signer, KeyPair("ours").signer))
    assert "one name" in caught.value.reason


def test_the_bundle_is_plain_json() -> None:
    assert json.loads(OURS.bundle(PAYLOAD))["verificationMaterial"] == {"publicKey": {"hint": "any"}}
