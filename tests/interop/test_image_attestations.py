"""Build provenance of images: in cosign's shape, and as GitHub attaches its artifact attestations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attaching import BUNDLE_V03, attach_to_registry
from tidegate_publisher.devstack.sigstore.claims import GITHUB_ISSUER, github_claims
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.policy import Signer, SignerPolicy
from tidegate_wire.trust.rules import AllOf, Claim, Is, Matches

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.conftest import Repository
    from tests.support.cosign import Cosign2, Cosign3
    from tests.support.sigstore_site import SigstoreSite
    from tidegate_publisher.devstack.sigstore.claims import Claims

pytestmark = pytest.mark.real("cosign3")

JOB = github_claims("acme/os", ref="refs/tags/v1.2.3")
WORKFLOW = "https://github.com/acme/os/.github/workflows/release.yml"
ANY_RELEASE = SignerPolicy(
    (
        Signer(
            AllOf(
                (
                    Is(Claim.ISSUER, GITHUB_ISSUER),
                    Is(Claim.WORKFLOW, WORKFLOW),
                    Matches(Claim.WORKFLOW_REF, r"refs/tags/v[0-9.]+"),
                    Is(Claim.SOURCE_REPOSITORY, "https://github.com/acme/os"),
                    Is(Claim.SOURCE_REPOSITORY_ID, str(JOB["repository_id"])),
                    Is(Claim.RUNNER, "github-hosted"),
                )
            )
        ),
    )
)
SIGNED_BY = (f"{WORKFLOW}@refs/tags/v1.2.3 ({GITHUB_ISSUER})",)
PROVENANCE: dict[str, Any] = {
    "buildDefinition": {
        "buildType": "https://actions.github.io/buildtypes/workflow/v1",
        "externalParameters": {
            "workflow": {
                "ref": "refs/tags/v1.2.3",
                "repository": "https://github.com/acme/os",
                "path": ".github/workflows/release.yml",
            }
        },
        "internalParameters": {"github": {"event_name": "push", "runner_environment": "github-hosted"}},
        "resolvedDependencies": [{"uri": "git+https://github.com/acme/os@refs/tags/v1.2.3"}],
    },
    "runDetails": {"builder": {"id": f"{WORKFLOW}@refs/tags/v1.2.3"}},
}


@pytest.fixture
def predicate(tmp_path: Path) -> Path:
    path = tmp_path / "provenance.json"
    path.write_text(json.dumps(PROVENANCE))
    return path


def attest_as_github(
    cosign: Cosign3, repository: Repository, folder: Path, digest: str, claims: Claims = JOB
) -> None:
    """Sign and attach as actions/attest-build-provenance does: in-toto's version 1, and a named subject."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "registry.example/os", "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": PROVENANCE,
    }
    path = folder / "statement.json"
    path.write_text(json.dumps(statement))
    bundle = cosign.attest_blob("--statement", str(path), claims=claims)
    attach_to_registry(repository.url, repository.name, digest, bundle, BUNDLE_V03)


def refusal(repository: Repository, digest: str, root: Path) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        repository.signers(digest, ANY_RELEASE, root)
    return caught.value


def test_a_provenance_by_cosign_3_is_accepted(
    cosign3: Cosign3, site: SigstoreSite, repository: Repository, predicate: Path
) -> None:
    cosign3.attest(repository.image(repository.index), predicate, claims=JOB)
    assert repository.signers(repository.index, ANY_RELEASE, site.root) == SIGNED_BY


@pytest.mark.real("cosign2")
def test_a_provenance_by_cosign_2_in_the_new_format_is_accepted(
    cosign2: Cosign2, site: SigstoreSite, repository: Repository, predicate: Path
) -> None:
    cosign2.attest(repository.image(repository.index), predicate, "--new-bundle-format", claims=JOB)
    assert repository.signers(repository.index, ANY_RELEASE, site.root) == SIGNED_BY


def test_an_attestation_in_githubs_shape_is_accepted(
    cosign3: Cosign3, site: SigstoreSite, repository: Repository, tmp_path: Path
) -> None:
    attest_as_github(cosign3, repository, tmp_path, repository.index)
    assert repository.signers(repository.index, ANY_RELEASE, site.root) == SIGNED_BY


@pytest.mark.parametrize(
    "claims",
    [
        github_claims("acme/os", ref="refs/heads/main"),
        github_claims("acme/os", "nightly.yml", "refs/tags/v1.2.3"),
        github_claims("acme/os", ref="refs/tags/v1.2.3", repository_id="7"),
        github_claims("acme/os", ref="refs/tags/v1.2.3", runner_environment="self-hosted"),
        github_claims("mallory/os", ref="refs/tags/v1.2.3"),
        github_claims("acme/os", ref="refs/tags/v1.2.3", iss="https://gitlab.com"),
    ],
    ids=[
        "another ref",
        "another workflow",
        "another number",
        "own runner",
        "another owner",
        "another issuer",
    ],
)
def test_another_job_is_refused(
    cosign3: Cosign3, site: SigstoreSite, repository: Repository, tmp_path: Path, claims: Claims
) -> None:
    attest_as_github(cosign3, repository, tmp_path, repository.index, claims)
    error = refusal(repository, repository.index, site.root)
    assert error.code is Code.IMAGE_SIGNATURE
    assert f"[{Code.SIGNATURE_IDENTITY}]" in error.reason


def test_another_root_is_refused(
    cosign3: Cosign3, other_root: Path, repository: Repository, tmp_path: Path
) -> None:
    attest_as_github(cosign3, repository, tmp_path, repository.index)
    error = refusal(repository, repository.index, other_root)
    assert error.code is Code.IMAGE_SIGNATURE
    assert f"[{Code.SIGNATURE_ROOT}]" in error.reason
