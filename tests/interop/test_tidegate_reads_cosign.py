"""Channel statements that cosign 3 signs: `tidegate verify` and the agent's verifying child accept them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.publisher import ISSUER, POLICY, RELEASER, STRANGER, Publisher, succeeded
from tests.support.statements import a_statement, digest_of
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Follow
from tidegate_publisher.devstack.sigstore.claims import email_claims
from tidegate_schemas.codes import Code
from tidegate_wire.trust.policy import SignerPolicy, exactly

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cosign import Cosign3
    from tests.support.sigstore_site import SigstoreSite
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

pytestmark = pytest.mark.real("cosign3")

FOLLOW = Follow("os", "stable")
PERSON = str(RELEASER["email"])
DIGEST = digest_of("a")
BY_REKOR = pytest.mark.parametrize("rekor", ["v1", "v2"])


@pytest.fixture
def statement(tmp_path: Path) -> Path:
    path = tmp_path / "statement.json"
    path.write_bytes(a_statement(DIGEST, issued_at=datetime.now(UTC), sequence=7).to_json())
    return path


@pytest.fixture
def publisher(tmp_path: Path, site: SigstoreSite) -> Publisher:
    return Publisher.on(tmp_path, site.sigstore, site.url, "")


def child(root: Path, identity: str = PERSON, issuer: str = ISSUER) -> ChildVerifier:
    return ChildVerifier(VerifyingChild(root), {FOLLOW.key: SignerPolicy((exactly(identity, issuer),))})


def refusal(verifier: ChildVerifier, message: bytes) -> Code:
    with pytest.raises(RefusedError) as caught:
        verifier.verify(FOLLOW, message)
    return caught.value.code


@BY_REKOR
def test_the_publisher_accepts_a_statement_that_cosign_signed(
    cosign3: Cosign3, site: SigstoreSite, publisher: Publisher, statement: Path, rekor: RekorVersion
) -> None:
    bundle = publisher.folder / "bundle.json"
    bundle.write_bytes(cosign3.attest_blob("--statement", str(statement), proof=rekor))
    ran = succeeded(
        publisher.run("verify", "bundle.json", "--json", "--trusted-root", str(site.root), *POLICY)
    )
    assert ran.document["verified"] is True
    assert (ran.document["digest"], ran.document["sequence"]) == (DIGEST, 7)


@BY_REKOR
def test_the_agent_accepts_a_statement_that_cosign_signed(
    cosign3: Cosign3, site: SigstoreSite, statement: Path, rekor: RekorVersion
) -> None:
    message = cosign3.attest_blob("--statement", str(statement), proof=rekor)
    verdict = child(site.root).verify(FOLLOW, message)
    assert (verdict.payload, verdict.identity, verdict.issuer) == (statement.read_bytes(), PERSON, ISSUER)


@BY_REKOR
def test_the_agent_refuses_another_signer_root_and_channel(
    cosign3: Cosign3, site: SigstoreSite, other_root: Path, statement: Path, rekor: RekorVersion
) -> None:
    by_stranger = cosign3.attest_blob("--statement", str(statement), proof=rekor, claims=STRANGER)
    elsewhere = email_claims(PERSON, "https://issuer.example.org")
    by_namesake = cosign3.attest_blob("--statement", str(statement), proof=rekor, claims=elsewhere)
    message = cosign3.attest_blob("--statement", str(statement), proof=rekor)
    other = json.loads(statement.read_bytes())
    other["predicate"]["channel"] = "testing"
    statement.write_text(json.dumps(other))
    for_another = cosign3.attest_blob("--statement", str(statement), proof=rekor)
    assert refusal(child(site.root), by_stranger) is Code.SIGNATURE_IDENTITY
    assert refusal(child(site.root), by_namesake) is Code.SIGNATURE_IDENTITY
    assert refusal(child(other_root), message) is Code.SIGNATURE_ROOT
    assert refusal(child(site.root), for_another) is Code.STATEMENT_TARGET


@BY_REKOR
def test_the_publisher_refuses_another_signer_and_root(
    cosign3: Cosign3,
    site: SigstoreSite,
    other_root: Path,
    publisher: Publisher,
    statement: Path,
    rekor: RekorVersion,
) -> None:
    (publisher.folder / "bundle.json").write_bytes(
        cosign3.attest_blob("--statement", str(statement), proof=rekor)
    )
    words = ("verify", "bundle.json", "--json", "--trusted-root")
    stranger = publisher.run(*words, str(site.root), "--identity", "stranger@example.org", "--issuer", ISSUER)
    rootless = publisher.run(*words, str(other_root), *POLICY)
    assert (stranger.status, stranger.code) == (4, "signature.identity")
    assert (rootless.status, rootless.code) == (4, "signature.root")


def test_a_payload_that_names_another_digest_is_refused(
    cosign3: Cosign3, site: SigstoreSite, statement: Path
) -> None:
    bundle = json.loads(cosign3.attest_blob("--statement", str(statement)))
    another = json.loads(cosign3.attest_blob("--statement", str(_about(statement, digest_of("b")))))
    bundle["dsseEnvelope"]["payload"] = another["dsseEnvelope"]["payload"]
    assert refusal(child(site.root), json.dumps(bundle).encode()) is Code.SIGNATURE_INVALID


def test_the_older_statement_that_cosign_composes_itself_is_refused_by_its_type(
    cosign3: Cosign3, site: SigstoreSite, statement: Path, tmp_path: Path
) -> None:
    # `--predicate` makes cosign write in-toto's version 0.1; `--statement` is the way.
    predicate = tmp_path / "predicate.json"
    predicate.write_text(json.dumps(json.loads(statement.read_bytes())["predicate"]))
    message = cosign3.attest_blob(
        "--predicate", str(predicate), "--type", "https://tidegate.dev/channel/v1", str(statement)
    )
    assert refusal(child(site.root), message) is Code.STATEMENT_TYPE


def _about(statement: Path, digest: str) -> Path:
    content = json.loads(statement.read_bytes())
    content["subject"][0]["digest"]["sha256"] = digest.removeprefix("sha256:")
    path = statement.with_name("another.json")
    path.write_text(json.dumps(content))
    return path
