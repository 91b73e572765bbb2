"""Two people with tokens of their own sign one statement, and hosts that ask for two act on it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.publisher import ISSUER, STRANGER, Publisher, retained, succeeded
from tests.support.statements import a_statement, digest_of
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Follow
from tidegate_publisher.devstack.sigstore.claims import email_claims
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, RolloutState
from tidegate_wire.trust.policy import SignerPolicy, exactly
from tidegate_wire.trust.root import parse_root
from tidegate_wire.trust.verify import verify_statement

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.publisher import Ran
    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore

pytestmark = pytest.mark.real("mosquitto")

ANN, BEN = "release@example.org", "ben@example.org"
BOTH = SignerPolicy((exactly(ANN, ISSUER), exactly(BEN, ISSUER)), threshold=2)
FOLLOW = Follow("os", "stable")
SIGNERS = ("--signers", "signers.toml")


@pytest.fixture
def ann(on_mosquitto: Publisher) -> Publisher:
    tables = [f'[[signers]]\nidentity = "{who}"\nissuer = "{ISSUER}"\n' for who in (ANN, BEN)]
    (on_mosquitto.folder / "signers.toml").write_text("threshold = 2\n" + "".join(tables))
    return on_mosquitto


@pytest.fixture
def ben(ann: Publisher) -> Publisher:
    return ann.signing_as(email_claims(BEN))


@pytest.fixture
def host(tmp_path: Path, sigstore: LocalSigstore) -> ChildVerifier:
    root = tmp_path / "trusted_root.json"
    root.write_text(sigstore.trusted_root_json())
    return ChildVerifier(VerifyingChild(root), {FOLLOW.key: BOTH})


def into(publisher: Publisher, command: str, *words: str) -> Ran:
    """Run a command that signs into a file; nobody is at a terminal to be asked."""
    yes = ("--yes",) if command == "countersign" else ()
    broker = ("--broker", publisher.broker, "--timeout", "8")
    return publisher.run(
        command,
        *words,
        *(*SIGNERS, *yes, "--json", *broker),
        TIDEGATE_TRUST_CONFIG=str(publisher.trust_config),
        SIGSTORE_ID_TOKEN=publisher.token(),
    )


def read(publisher: Publisher, name: str) -> bytes:
    return (publisher.folder / name).read_bytes()


def test_two_tokens_make_a_statement_that_a_host_accepts(
    ann: Publisher, ben: Publisher, host: ChildVerifier, sigstore: LocalSigstore, image: str
) -> None:
    release = ann.release(image)
    refused = ann.bus("announce", release, *SIGNERS)
    assert (refused.status, refused.code) == (4, "signature.threshold")

    signed = succeeded(into(ann, "sign", release, "--sequence", "1", "-o", "one.json")).document
    assert (signed["signersNeeded"], len(signed["signers"])) == (2, 1)
    refused = ann.bus("announce", "--bundle", "one.json", *SIGNERS)
    assert (refused.status, refused.code, retained(ann.broker)) == (4, "signature.threshold", None)
    with pytest.raises(RefusedError) as caught:
        host.verify(FOLLOW, read(ann, "one.json"))
    assert caught.value.code is Code.SIGNATURE_THRESHOLD

    document = succeeded(into(ben, "countersign", "one.json", "-o", "both.json")).document
    assert [one["identity"] for one in document["signers"]] == [ANN, BEN]
    both = read(ann, "both.json")
    found = verify_statement(
        both,
        root=parse_root(sigstore.trusted_root_json().encode(), "a test"),
        policy=BOTH,
        product="os",
        channel="stable",
    )
    assert (found.enough, found.identity) == (True, f"{ANN} and {BEN}")
    assert host.verify(FOLLOW, both).enough

    announced = succeeded(ann.bus("announce", "--bundle", "both.json", *SIGNERS)).document
    assert (announced["changed"], retained(ann.broker)) == (True, both)
    verified = succeeded(ann.ask("verify", "--bus", "os/stable", *SIGNERS)).document
    assert (verified["signerCompared"], len(verified["signers"])) == (True, 2)
    claimed = json.loads(succeeded(ann.run("inspect", "both.json", "--json")).stdout)
    assert [one["identity"] for one in claimed["bundles"]] == [ANN, BEN]


def test_one_stops_a_release_and_two_let_it_go_on(
    ann: Publisher, ben: Publisher, host: ChildVerifier, image: str
) -> None:
    succeeded(into(ann, "sign", ann.release(image), "--sequence", "1", "-o", "one.json"))
    succeeded(into(ben, "countersign", "one.json", "-o", "both.json"))
    succeeded(ann.bus("announce", "--bundle", "both.json", *SIGNERS))

    succeeded(ben.bus("hold", "os/stable", *SIGNERS))
    held = retained(ann.broker)
    assert held is not None
    assert not host.verify(FOLLOW, held).enough

    # What only one vouches for is not handed on. The release goes on by its own file, with both signatures.
    for words in ((), ("-o", "resumed.json")):
        refused = into(ann, "resume", "os/stable", "--expect-sequence", "2", *words)
        assert (refused.status, refused.code, retained(ann.broker)) == (4, "signature.threshold", held)
    succeeded(into(ann, "sign", ann.release(image), "--bus", "-o", "again.json"))
    succeeded(into(ben, "countersign", "again.json", "-o", "again-by-both.json"))
    succeeded(ann.bus("announce", "--bundle", "again-by-both.json", *SIGNERS))
    renewed = retained(ann.broker)
    assert renewed is not None
    assert host.verify(FOLLOW, renewed).enough

    # A heartbeat of what both have signed is countersigned like a release.
    beat = ("heartbeat", "os/stable", "--expect-sequence", "3")
    assert into(ann, *beat).code == "signature.threshold"
    succeeded(into(ann, *beat, "-o", "beat.json"))
    succeeded(into(ben, "countersign", "beat.json", "-o", "beat-by-both.json"))
    announced = succeeded(ann.bus("announce", "--bundle", "beat-by-both.json", *SIGNERS)).document
    assert (announced["sequence"], announced["rollout"]["state"]) == (4, "active")

    # What the broker holds can be countersigned too: a revocation by one becomes one by both.
    succeeded(ann.bus("revoke", "os/stable", *SIGNERS))
    revoked = succeeded(into(ben, "countersign", "--bus", "os/stable", "-o", "revoked.json")).document
    assert (revoked["rollout"]["state"], len(revoked["signers"])) == ("revoked", 2)


def test_who_may_not_countersign(ann: Publisher, ben: Publisher, image: str) -> None:
    succeeded(into(ann, "sign", ann.release(image), "--sequence", "1", "-o", "one.json"))
    again = into(ann, "countersign", "one.json", "-o", "out.json")
    assert (again.status, again.code) == (4, "signature.threshold")
    stranger = into(ann.signing_as(STRANGER), "countersign", "one.json", "-o", "out.json")
    assert (stranger.status, stranger.code) == (4, "announce.unverified")
    bundle = json.loads(read(ann, "one.json"))
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA"
    (ann.folder / "false.json").write_text(json.dumps(bundle))
    false = into(ben, "countersign", "false.json", "-o", "out.json")
    assert (false.status, false.code) == (4, "signature.invalid")
    assert not (ann.folder / "out.json").exists()


def test_a_stolen_signers_hold_gets_nobody_elses_signature(
    ann: Publisher, ben: Publisher, sigstore: LocalSigstore, image: str
) -> None:
    succeeded(into(ann, "sign", ann.release(image), "--sequence", "1", "-o", "one.json"))
    succeeded(into(ben, "countersign", "one.json", "-o", "both.json"))
    succeeded(ann.bus("announce", "--bundle", "both.json", *SIGNERS))
    stops = Rollout(seed="s", state=RolloutState.HELD)
    theirs = a_statement(digest_of("e"), issued_at=datetime.now(UTC), sequence=2, floor=2, rollout=stops)
    (ann.folder / "theirs.json").write_bytes(sigstore.sign_statement(theirs.to_json(), email_claims(ANN)))
    succeeded(ann.bus("announce", "--bundle", "theirs.json", *SIGNERS))
    for command in ("resume", "heartbeat"):
        refused = into(ben, command, "os/stable", "--expect-sequence", "2", "-o", "out.json")
        assert (refused.status, refused.code) == (4, "signature.threshold")
    assert not (ann.folder / "out.json").exists()
    signed = succeeded(into(ben, "sign", ben.release(image), "--bus", "-o", "next.json")).document
    assert (signed["sequence"], signed["floor"]) == (3, 0)
    assert signed["digest"] != digest_of("e")


def test_without_a_policy_each_signature_is_genuine_by_its_own_claims(
    ann: Publisher, ben: Publisher, image: str
) -> None:
    succeeded(into(ann, "sign", ann.release(image), "--sequence", "1", "-o", "one.json"))
    succeeded(into(ben, "countersign", "one.json", "-o", "both.json"))
    succeeded(ann.ask("verify", "both.json"))
    message = json.loads(read(ann, "both.json"))
    message["bundles"][1]["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA"
    (ann.folder / "half.json").write_text(json.dumps(message))
    refused = ann.ask("verify", "half.json")
    assert (refused.status, refused.code) == (4, "signature.threshold")


@pytest.mark.parametrize("state", ["held", "revoked"])
def test_a_first_statement_that_only_stops_needs_one(
    ann: Publisher, host: ChildVerifier, image: str, state: str
) -> None:
    succeeded(ann.bus("announce", ann.release(image), "--state", state, *SIGNERS))
    message = retained(ann.broker)
    assert message is not None
    assert not host.verify(FOLLOW, message).enough
