"""Whoever may write to a channel gets no signature to what he left there, not even in the public log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.publisher import POLICY, STRANGER, Publisher, leave, retained, succeeded
from tests.support.statements import a_statement, digest_of
from tidegate_publisher.devstack.sigstore.claims import GITHUB_ISSUER, Claims, github_claims

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore

pytestmark = pytest.mark.real("mosquitto")

OPERATIONS = ("hold", "revoke", "resume", "promote", "heartbeat")


def signed(sigstore: LocalSigstore, claims: Claims = STRANGER, **changes: object) -> bytes:
    statement = a_statement(digest_of("e"), issued_at=datetime.now(UTC), **changes)
    return sigstore.sign_statement(statement.to_json(), claims)


def logged(sigstore: LocalSigstore) -> int:
    """How many entries the public log has; to ask adds one."""
    entry = json.loads(signed(sigstore))["verificationMaterial"]["tlogEntries"][0]
    return int(entry["logIndex"])


def test_a_strangers_statement_gets_no_signature(
    on_mosquitto: Publisher, sigstore: LocalSigstore, image: str
) -> None:
    leave(on_mosquitto.broker, signed(sigstore, sequence=5))
    before = logged(sigstore)
    refused = on_mosquitto.bus("announce", on_mosquitto.release(image))
    assert (refused.status, refused.code) == (4, "signature.identity")
    for command in OPERATIONS:
        expected = () if command in {"hold", "revoke"} else ("--trust-broker",)
        unsaid = on_mosquitto.bus(command, "os/stable", *expected)
        assert (unsaid.status, unsaid.code) == (2, "usage")
        refused = on_mosquitto.bus(command, "os/stable", *POLICY, *expected)
        assert (refused.status, refused.code) == (4, "signature.identity")
    unsaid = on_mosquitto.bus("countersign", "--bus", "os/stable", "--yes", "-o", "both.json")
    assert (unsaid.status, unsaid.code) == (2, "usage")
    assert logged(sigstore) == before + 1


def test_what_a_workflow_signed_at_another_ref_is_not_signed_at_the_right_one(
    on_mosquitto: Publisher, sigstore: LocalSigstore
) -> None:
    workflow = "https://github.com/acme/os/.github/workflows/release.yml"
    signer = f'workflow = "{workflow}"\nworkflow_ref = "refs/heads/main"\nissuer = "{GITHUB_ISSUER}"\n'
    (on_mosquitto.folder / "signers.toml").write_text(f"[[signers]]\n{signer}")
    leave(on_mosquitto.broker, signed(sigstore, github_claims("acme/os", ref="refs/heads/evil")))
    before = logged(sigstore)
    main = on_mosquitto.signing_as(github_claims("acme/os"))
    refused = main.bus("heartbeat", "os/stable", "--signers", "signers.toml", "--trust-broker")
    assert (refused.status, refused.code) == (4, "signature.identity")
    assert logged(sigstore) == before + 1


def test_an_old_statement_of_ones_own_that_is_played_back_gets_no_new_signature(
    on_mosquitto: Publisher, sigstore: LocalSigstore, image: str
) -> None:
    before = logged(sigstore)
    succeeded(on_mosquitto.bus("announce", on_mosquitto.release(image), *POLICY))
    assert logged(sigstore) == before + 2  # a signature that is made is seen
    old = retained(on_mosquitto.broker)
    assert old is not None
    held = succeeded(on_mosquitto.bus("hold", "os/stable", *POLICY)).document
    leave(on_mosquitto.broker, old)
    before = logged(sigstore)
    for command in ("resume", "promote", "heartbeat"):
        words = (command, "os/stable", *POLICY, "--expect-sequence", str(held["sequence"]))
        refused = on_mosquitto.bus(*words)
        assert (refused.status, refused.code) == (1, "announce.conflict")
    assert logged(sigstore) == before + 1
    assert retained(on_mosquitto.broker) == old
