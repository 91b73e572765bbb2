"""Workflows and the refs that they were taken from, where one of the two holds an `@` itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.bundles import accepted, refusal, root_of
from tests.support.statements import NOON, a_statement
from tidegate_publisher.devstack.sigstore.claims import GITHUB_ISSUER, github_claims
from tidegate_schemas.codes import Code
from tidegate_wire.trust.settings import SignerSettings, policy_of

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_wire.trust.policy import SignerPolicy

WORKFLOW = "https://github.com/acme/os/.github/workflows/release.yml"


def message(sigstore: LocalSigstore, ref: str) -> bytes:
    claims = github_claims("acme/os", "release.yml", ref)
    return sigstore.sign_statement(a_statement().to_json(), claims, now=NOON)


def policy(**ref: str) -> SignerPolicy:
    signer = {"issuer": GITHUB_ISSUER, "workflow": WORKFLOW, **ref}
    return policy_of([SignerSettings.model_validate(signer)], 1)


@pytest.mark.parametrize("ref", ["refs/tags/v1", "refs/tags/os@1.2.3", "refs/tags/@acme/os@1.2.3"])
def test_a_tag_of_one_package_among_several(sigstore: LocalSigstore, ref: str) -> None:
    signed = message(sigstore, ref)
    for pinned in (policy(workflow_ref=ref), policy(workflow_ref_pattern=r"refs/tags/.+")):
        assert accepted(signed, root_of(sigstore), pinned).signers[0].identity == f"{WORKFLOW}@{ref}"


@pytest.mark.parametrize("ref", ["refs/heads/x@refs/tags/v1", "refs/heads/x@v1", "refs/heads/@refs/tags/v1"])
def test_a_branch_that_is_called_like_a_tag_is_none(sigstore: LocalSigstore, ref: str) -> None:
    refused = refusal(message(sigstore, ref), sigstore, policy(workflow_ref_pattern=r"refs/tags/.+"))
    assert refused.code is Code.SIGNATURE_IDENTITY
