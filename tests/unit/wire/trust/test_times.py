"""The time of signing, and who in the trusted root was valid then (step 3)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.bundles import (
    PERSON,
    a_message,
    accepted,
    broken,
    entry,
    refusal,
)
from tests.support.statements import NOON, a_statement
from tidegate_publisher.devstack.sigstore import LocalSigstore, bundle, email_claims
from tidegate_publisher.devstack.sigstore.dsse import sign_envelope
from tidegate_schemas.codes import Code
from tidegate_wire.trust.root import parse_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

CLAIMS = email_claims(PERSON)


def test_no_time_at_all(sigstore: LocalSigstore) -> None:
    message = broken(a_message(sigstore), lambda data: entry(data).pop("inclusionPromise"))
    assert refusal(message, sigstore).code is Code.SIGNATURE_TIMESTAMP
    message = broken(
        a_message(sigstore, rekor="v2"),
        lambda data: data["verificationMaterial"].pop("timestampVerificationData"),
    )
    assert refusal(message, sigstore).code is Code.SIGNATURE_TIMESTAMP


def test_an_altered_log_time(sigstore: LocalSigstore) -> None:
    later = str(int((NOON + timedelta(minutes=1)).timestamp()))
    message = broken(a_message(sigstore), lambda data: entry(data).update(integratedTime=later))
    assert refusal(message, sigstore).code is Code.SIGNATURE_LOG


def test_a_time_after_the_certificate(sigstore: LocalSigstore, rekor: RekorVersion) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = sigstore.certify(key.public_key(), CLAIMS, NOON - timedelta(minutes=20))
    envelope = sign_envelope(a_statement().to_json(), key)
    message = bundle.to_bytes(sigstore.log_and_bundle(certificate, envelope, rekor, NOON))
    assert refusal(message, sigstore).code is Code.SIGNATURE_TIMESTAMP


def _stamps(data: dict[str, Any]) -> list[Any]:
    found: list[Any] = data["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    return found


def test_timestamps_of_others_repeated_or_broken(sigstore: LocalSigstore, other: LocalSigstore) -> None:
    foreign = _stamps(json.loads(a_message(other, rekor="v2")))
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda data: _stamps(data).append(_stamps(data)[0]),
        lambda data: _stamps(data).__setitem__(slice(None), foreign),
        lambda data: _stamps(data).__setitem__(0, {"signedTimestamp": "AAAA"}),
    ]
    for change in changes:
        message = broken(a_message(sigstore, rekor="v2"), change)
        assert refusal(message, sigstore).code is Code.SIGNATURE_TIMESTAMP


@pytest.mark.parametrize(
    ("group", "code"),
    [
        ("certificateAuthorities", Code.SIGNATURE_ROOT),
        ("ctlogs", Code.SIGNATURE_LOG),
        ("tlogs", Code.SIGNATURE_LOG),
    ],
)
def test_a_party_that_had_ended(sigstore: LocalSigstore, rekor: RekorVersion, group: str, code: Code) -> None:
    root = sigstore.trusted_root()
    for party in root[group]:
        place = party if "validFor" in party else party["publicKey"]
        place["validFor"]["end"] = (NOON - timedelta(seconds=1)).isoformat()
    message = a_message(sigstore, rekor=rekor)
    assert refusal(message, sigstore, root=root).code is code
    for party in root[group]:
        place = party if "validFor" in party else party["publicKey"]
        place["validFor"]["end"] = NOON.isoformat()
    trusted = parse_root(json.dumps(root).encode(), "altered root")
    assert accepted(message, trusted).identity == PERSON


def test_the_one_authority_that_issued_had_ended(sigstore: LocalSigstore, other: LocalSigstore) -> None:
    root = sigstore.trusted_root()
    root["certificateAuthorities"][0]["validFor"]["end"] = (NOON - timedelta(seconds=1)).isoformat()
    root["certificateAuthorities"] += other.trusted_root()["certificateAuthorities"]
    error = refusal(a_message(sigstore), sigstore, root=root)
    assert error.code is Code.SIGNATURE_ROOT
    assert "not valid at the time of signing" in error.reason


def test_the_one_log_of_the_entry_had_ended(sigstore: LocalSigstore) -> None:
    root = sigstore.trusted_root()
    root["tlogs"][0]["publicKey"]["validFor"]["end"] = (NOON - timedelta(seconds=1)).isoformat()
    error = refusal(a_message(sigstore), sigstore, root=root)
    assert error.code is Code.SIGNATURE_LOG
    assert "not valid at the time of signing" in error.reason


def test_a_timestamp_authority_that_had_ended(sigstore: LocalSigstore) -> None:
    root = sigstore.trusted_root()
    root["timestampAuthorities"][0]["validFor"]["end"] = (NOON - timedelta(seconds=1)).isoformat()
    assert refusal(a_message(sigstore, rekor="v2"), sigstore, root=root).code is Code.SIGNATURE_TIMESTAMP
