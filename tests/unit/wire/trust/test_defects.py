"""Bundles with one defect, refused with the code that names it (trust.md, the bad cases)."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.bundles import (
    a_message,
    broken,
    entry,
    refusal,
)
from tests.support.statements import a_statement
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion


def test_an_altered_payload(sigstore: LocalSigstore, rekor: RekorVersion) -> None:
    lie = base64.b64encode(a_statement(sequence=2).to_json()).decode()
    message = broken(a_message(sigstore, rekor=rekor), lambda data: data["dsseEnvelope"].update(payload=lie))
    assert refusal(message, sigstore).code is Code.SIGNATURE_INVALID


def test_an_altered_payload_type(sigstore: LocalSigstore, rekor: RekorVersion) -> None:
    message = broken(
        a_message(sigstore, rekor=rekor), lambda data: data["dsseEnvelope"].update(payloadType="text/plain")
    )
    assert refusal(message, sigstore).code is Code.SIGNATURE_INVALID


def test_a_signature_of_another_bundle(sigstore: LocalSigstore, rekor: RekorVersion) -> None:
    borrowed = json.loads(a_message(sigstore, rekor=rekor))["dsseEnvelope"]["signatures"]
    message = broken(
        a_message(sigstore, rekor=rekor), lambda data: data["dsseEnvelope"].update(signatures=borrowed)
    )
    # With v2 the timestamp is over the signature, so it is the timestamp that does not fit first.
    expected = Code.SIGNATURE_INVALID if rekor == "v1" else Code.SIGNATURE_TIMESTAMP
    assert refusal(message, sigstore).code is expected


def test_a_log_entry_of_another_signature(sigstore: LocalSigstore, rekor: RekorVersion) -> None:
    borrowed = entry(json.loads(a_message(sigstore, rekor=rekor)))
    message = broken(
        a_message(sigstore, rekor=rekor),
        lambda data: data["verificationMaterial"].update(tlogEntries=[borrowed]),
    )
    assert refusal(message, sigstore).code is Code.SIGNATURE_LOG


def _drop(*path: str) -> Callable[[dict[str, Any]], object]:
    def change(data: dict[str, Any]) -> None:
        place = entry(data)
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]

    return change


def _proof(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda data: entry(data)["inclusionProof"].update(values)


DEFECTS: dict[str, tuple[Callable[[dict[str, Any]], object], Code]] = {
    "no signature": (lambda d: d["dsseEnvelope"].update(signatures=[]), Code.SIGNATURE_MISSING),
    "empty signature": (lambda d: d["dsseEnvelope"].update(signatures=[{"sig": ""}]), Code.SIGNATURE_MISSING),
    "two signatures": (
        lambda d: d["dsseEnvelope"].update(signatures=d["dsseEnvelope"]["signatures"] * 2),
        Code.SIGNATURE_MALFORMED,
    ),
    "no envelope": (lambda d: d.pop("dsseEnvelope"), Code.SIGNATURE_MISSING),
    "artifact bundle": (lambda d: d.update(messageSignature={}), Code.SIGNATURE_MALFORMED),
    "bare key": (
        lambda d: d["verificationMaterial"].update(publicKey={"hint": "x"}),
        Code.SIGNATURE_MALFORMED,
    ),
    "no certificate": (lambda d: d["verificationMaterial"].pop("certificate"), Code.SIGNATURE_MALFORMED),
    "garbage for a certificate": (
        lambda d: d["verificationMaterial"].update(certificate={"rawBytes": "AAAA"}),
        Code.SIGNATURE_MALFORMED,
    ),
    "old media type": (
        lambda d: d.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"),
        Code.SIGNATURE_MALFORMED,
    ),
    "unknown field": (lambda d: d.update(extra=1), Code.SIGNATURE_MALFORMED),
    "snake case": (lambda d: d.update(dsse_envelope=d["dsseEnvelope"]), Code.SIGNATURE_MALFORMED),
    "loose base64": (
        lambda d: d["dsseEnvelope"].update(payload=d["dsseEnvelope"]["payload"] + "\n"),
        Code.SIGNATURE_MALFORMED,
    ),
    "no entry": (lambda d: d["verificationMaterial"].update(tlogEntries=[]), Code.SIGNATURE_LOG),
    "two entries": (
        lambda d: d["verificationMaterial"].update(tlogEntries=[entry(d)] * 2),
        Code.SIGNATURE_LOG,
    ),
    "no inclusion proof": (_drop("inclusionProof"), Code.SIGNATURE_LOG),
    "no checkpoint": (_drop("inclusionProof", "checkpoint"), Code.SIGNATURE_LOG),
    "no hashes": (_proof(hashes=[]), Code.SIGNATURE_LOG),
    "another root hash": (_proof(rootHash=base64.b64encode(bytes(32)).decode()), Code.SIGNATURE_LOG),
    "another checkpoint": (
        _proof(checkpoint={"envelope": "log\n1\nAAAA\n\n\N{EM DASH} log AAAAAAAA\n"}),
        Code.SIGNATURE_LOG,
    ),
    "a log nobody knows": (
        lambda d: entry(d).update(logId={"keyId": base64.b64encode(bytes(32)).decode()}),
        Code.SIGNATURE_LOG,
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect(sigstore: LocalSigstore, rekor: RekorVersion, defect: str) -> None:
    change, code = DEFECTS[defect]
    error = refusal(broken(a_message(sigstore, rekor=rekor), change), sigstore)
    assert error.code is code, error.reason
