"""The real sigstore-python signs against the local Sigstore over HTTP and verifies what comes out."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING

import pytest
from sigstore.dsse import Statement
from sigstore.errors import VerificationError
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy

from tidegate_publisher.devstack.sigstore import (
    GITHUB_ISSUER,
    GITLAB_ISSUER,
    LocalSigstore,
    email_claims,
    github_claims,
    gitlab_claims,
)
from tidegate_publisher.devstack.sigstore.service.server import serve, system_clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore.claims import Claims
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

PERSON = "developer@example.org"
STATEMENT = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "image", "digest": {"sha256": "a" * 64}}],
        "predicateType": "https://example.org/predicate",
        "predicate": {"answer": 42},
    }
).encode()


@pytest.fixture(autouse=True)
def collect() -> Iterator[None]:
    """sigstore-python closes its sessions when they are collected: let that happen inside the test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    return LocalSigstore.create()


@pytest.fixture(scope="module")
def url(sigstore: LocalSigstore) -> Iterator[str]:
    with serve(sigstore) as address:
        yield address


@pytest.fixture
def verifier(sigstore: LocalSigstore, tmp_path: Path) -> Verifier:
    return verifier_of(sigstore, tmp_path)


def verifier_of(sigstore: LocalSigstore, directory: Path) -> Verifier:
    path = directory / "trusted_root.json"
    path.write_text(sigstore.trusted_root_json())
    return Verifier(trusted_root=TrustedRoot.from_file(str(path)))


def sign(sigstore: LocalSigstore, url: str, claims: Claims, rekor: RekorVersion) -> Bundle:
    config = ClientTrustConfig.from_json(sigstore.client_trust_config_json(url, rekor))
    token = IdentityToken(sigstore.oidc.mint(claims, system_clock()))
    with SigningContext.from_trust_config(config).signer(token) as signer:
        return signer.sign_dsse(Statement(STATEMENT))


def signed_by(identity: str, issuer: str) -> policy.AllOf:
    return policy.AllOf([policy.Identity(identity=identity, issuer=issuer), policy.OIDCIssuerV2(issuer)])


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_a_person_signs_over_http(
    sigstore: LocalSigstore, url: str, verifier: Verifier, rekor: RekorVersion
) -> None:
    issuer = f"{url}/oidc"
    bundle = sign(sigstore, url, email_claims(PERSON, issuer), rekor)
    again = Bundle.from_json(bundle.to_json())
    assert verifier.verify_dsse(again, signed_by(PERSON, issuer)) == (
        "application/vnd.in-toto+json",
        STATEMENT,
    )


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_a_github_job_signs_over_http(
    sigstore: LocalSigstore, url: str, verifier: Verifier, rekor: RekorVersion
) -> None:
    claims = github_claims("acme/os", "release.yml", "refs/tags/v7", repository_id="12345")
    bundle = sign(sigstore, url, claims, rekor)
    expected = policy.AllOf(
        [
            signed_by("https://github.com/acme/os/.github/workflows/release.yml@refs/tags/v7", GITHUB_ISSUER),
            policy.GitHubWorkflowRepository("acme/os"),
            policy.GitHubWorkflowRef("refs/tags/v7"),
            policy.OIDCSourceRepositoryURI("https://github.com/acme/os"),
            policy.OIDCSourceRepositoryIdentifier("12345"),
            policy.OIDCSourceRepositoryRef("refs/tags/v7"),
            policy.OIDCSourceRepositoryOwnerURI("https://github.com/acme"),
            policy.OIDCBuildConfigURI(
                "https://github.com/acme/os/.github/workflows/release.yml@refs/tags/v7"
            ),
            policy.OIDCBuildTrigger("push"),
            policy.OIDCRunInvocationURI("https://github.com/acme/os/actions/runs/1/attempts/1"),
        ]
    )
    assert verifier.verify_dsse(bundle, expected)[1] == STATEMENT


def test_a_gitlab_job_signs_over_http(sigstore: LocalSigstore, url: str, verifier: Verifier) -> None:
    bundle = sign(sigstore, url, gitlab_claims("acme/teams/os", ref="refs/tags/v7"), "v1")
    config = "https://gitlab.com/acme/teams/os//.gitlab-ci.yml@refs/tags/v7"
    expected = policy.AllOf(
        [
            signed_by(config, GITLAB_ISSUER),
            policy.OIDCSourceRepositoryURI("https://gitlab.com/acme/teams/os"),
            policy.OIDCSourceRepositoryRef("refs/tags/v7"),
            policy.OIDCSourceRepositoryOwnerURI("https://gitlab.com/acme/teams"),
        ]
    )
    assert verifier.verify_dsse(bundle, expected)[1] == STATEMENT


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_an_artifact_is_signed_over_http(
    sigstore: LocalSigstore, url: str, verifier: Verifier, rekor: RekorVersion
) -> None:
    config = ClientTrustConfig.from_json(sigstore.client_trust_config_json(url, rekor))
    token = IdentityToken(sigstore.oidc.mint(email_claims(PERSON), system_clock()))
    with SigningContext.from_trust_config(config).signer(token) as signer:
        bundle = signer.sign_artifact(b"artifact")
    verifier.verify_artifact(b"artifact", bundle, policy.Identity(identity=PERSON))
    with pytest.raises(VerificationError):
        verifier.verify_artifact(b"another", bundle, policy.Identity(identity=PERSON))


@pytest.mark.parametrize("rekor", ["v1", "v2"])
@pytest.mark.parametrize(
    ("identity", "issuer"),
    [
        ("somebody@example.org", "https://issuer.example.org"),
        (PERSON, "https://other.example.org"),
        (PERSON + ".evil.example", "https://issuer.example.org"),
    ],
)
def test_another_identity_is_refused(
    sigstore: LocalSigstore, verifier: Verifier, rekor: RekorVersion, identity: str, issuer: str
) -> None:
    raw = sigstore.sign_statement(STATEMENT, email_claims(PERSON, "https://issuer.example.org"), rekor=rekor)
    with pytest.raises(VerificationError):
        verifier.verify_dsse(Bundle.from_json(raw), signed_by(identity, issuer))


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_another_instances_root_is_refused(
    sigstore: LocalSigstore, tmp_path: Path, rekor: RekorVersion
) -> None:
    stranger = verifier_of(LocalSigstore.create(), tmp_path)
    raw = sigstore.sign_statement(STATEMENT, email_claims(PERSON), rekor=rekor)
    with pytest.raises(VerificationError, match=r"certificate chain|verified time"):
        stranger.verify_dsse(Bundle.from_json(raw), policy.Identity(identity=PERSON))


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_an_altered_payload_is_refused(
    sigstore: LocalSigstore, verifier: Verifier, rekor: RekorVersion
) -> None:
    message = json.loads(sigstore.sign_statement(b'{"a":1}', email_claims(PERSON), rekor=rekor))
    message["dsseEnvelope"]["payload"] = "eyJhIjoyfQ=="
    with pytest.raises(VerificationError, match="invalid signature"):
        verifier.verify_dsse(Bundle.from_json(json.dumps(message)), policy.Identity(identity=PERSON))


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_many_in_process_bundles_verify(
    sigstore: LocalSigstore, verifier: Verifier, rekor: RekorVersion
) -> None:
    for number in range(40):
        payload = json.dumps({"number": number}).encode()
        raw = sigstore.sign_statement(payload, email_claims(PERSON), rekor=rekor)
        assert verifier.verify_dsse(Bundle.from_json(raw), policy.Identity(identity=PERSON))[1] == payload


def test_a_restart_keeps_the_root_and_goes_on_signing(tmp_path: Path) -> None:
    first = LocalSigstore.open(tmp_path / "keys")
    again = LocalSigstore.open(tmp_path / "keys")
    assert again.trusted_root_json() == first.trusted_root_json()
    with serve(again) as address:
        bundle = sign(again, address, email_claims(PERSON), "v2")
    verifier_of(first, tmp_path).verify_dsse(bundle, policy.Identity(identity=PERSON))
