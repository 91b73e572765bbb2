"""Images that cosign 3 signs keyless: found by the agent in both kinds of registry, accepted and refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.attaching import BUNDLE_V03, attach_to_registry, fallback_tag
from tests.support.publisher import ISSUER, RELEASER, STRANGER
from tidegate_publisher.devstack.sigstore.claims import email_claims
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.attachments import fetch_attachments
from tidegate_wire.trust.policy import SignerPolicy, exactly

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.conftest import Repository
    from tests.support.cosign import Cosign3
    from tests.support.sigstore_site import SigstoreSite
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

pytestmark = pytest.mark.real("cosign3")

PERSON = str(RELEASER["email"])
POLICY = SignerPolicy((exactly(PERSON, ISSUER),))
SIGNED_BY = (f"{PERSON} ({ISSUER})",)
BY_REKOR = pytest.mark.parametrize("rekor", ["v1", "v2"])


def refusal(repository: Repository, digest: str, root: Path, policy: SignerPolicy = POLICY) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        repository.signers(digest, policy, root)
    return caught.value


@BY_REKOR
def test_an_index_that_cosign_signed_is_accepted(
    cosign3: Cosign3, site: SigstoreSite, repository: Repository, rekor: RekorVersion
) -> None:
    cosign3.sign(repository.image(repository.index), proof=rekor)
    assert repository.signers(repository.index, POLICY, site.root) == SIGNED_BY


def test_the_signature_is_where_this_kind_of_registry_keeps_it(
    cosign3: Cosign3, repository: Repository, request: pytest.FixtureRequest
) -> None:
    cosign3.sign(repository.image(repository.amd64))
    tagged = repository.manifest(fallback_tag(repository.amd64))
    by_tag = "fallback-tag" in request.node.name
    assert (tagged is not None) is by_tag
    # cosign lists under the tag with the type of the configuration: only the manifest tells what it is.
    if tagged is not None:
        (entry,) = json.loads(tagged)["manifests"]
        assert entry["artifactType"] == "application/vnd.oci.empty.v1+json"


def test_another_identity_and_another_issuer_are_refused(
    cosign3: Cosign3, site: SigstoreSite, repository: Repository
) -> None:
    cosign3.sign(repository.image(repository.index), claims=STRANGER)
    namesake = email_claims(PERSON, "https://issuer.example.org")
    cosign3.sign(repository.image(repository.index), claims=namesake)
    error = refusal(repository, repository.index, site.root)
    assert error.code is Code.IMAGE_SIGNATURE
    assert error.reason.count(f"[{Code.SIGNATURE_IDENTITY}]") == 2


def test_one_good_signature_among_others_is_enough(
    cosign3: Cosign3, site: SigstoreSite, repository: Repository
) -> None:
    for claims in (STRANGER, RELEASER):
        cosign3.sign(repository.image(repository.index), claims=claims)
    assert repository.signers(repository.index, POLICY, site.root) == SIGNED_BY


@BY_REKOR
def test_another_root_is_refused(
    cosign3: Cosign3, other_root: Path, repository: Repository, rekor: RekorVersion
) -> None:
    cosign3.sign(repository.image(repository.index), proof=rekor)
    error = refusal(repository, repository.index, other_root)
    assert error.code is Code.IMAGE_SIGNATURE
    assert f"[{Code.SIGNATURE_ROOT}]" in error.reason


def test_a_signature_that_was_moved_to_another_image_is_refused(
    cosign3: Cosign3, site: SigstoreSite, repository: Repository
) -> None:
    cosign3.sign(repository.image(repository.amd64))
    source = repository.source(f"{repository.host}/{repository.name}")
    (bundle,) = fetch_attachments(source, repository.amd64, BUNDLE_V03).contents
    attach_to_registry(repository.url, repository.name, repository.arm64, bundle, BUNDLE_V03)
    error = refusal(repository, repository.arm64, site.root)
    assert error.code is Code.IMAGE_SIGNATURE
    assert f"[{Code.IMAGE_DIGEST_MISMATCH}]" in error.reason


def test_an_index_signature_says_nothing_about_a_platform_nor_the_other_way_round(
    cosign3: Cosign3, site: SigstoreSite, repository: Repository
) -> None:
    cosign3.sign(repository.image(repository.index))
    assert refusal(repository, repository.arm64, site.root).code is Code.IMAGE_UNSIGNED
    cosign3.sign(repository.image(repository.arm64))
    assert repository.signers(repository.arm64, POLICY, site.root) == SIGNED_BY
    assert refusal(repository, repository.amd64, site.root).code is Code.IMAGE_UNSIGNED


def test_a_recursive_signature_counts_for_index_and_platforms(
    cosign3: Cosign3, site: SigstoreSite, repository: Repository
) -> None:
    cosign3.sign(repository.image(repository.index), "--recursive")
    for digest in (repository.index, repository.amd64, repository.arm64):
        assert repository.signers(digest, POLICY, site.root) == SIGNED_BY


def test_an_image_that_nobody_signed_is_unsigned(site: SigstoreSite, repository: Repository) -> None:
    assert refusal(repository, repository.index, site.root).code is Code.IMAGE_UNSIGNED


def test_an_altered_signature_is_refused(
    cosign3: Cosign3, site: SigstoreSite, repository: Repository
) -> None:
    cosign3.sign(repository.image(repository.amd64))
    source = repository.source(f"{repository.host}/{repository.name}")
    (bundle,) = fetch_attachments(source, repository.amd64, BUNDLE_V03).contents
    altered = json.loads(bundle)
    payload = altered["dsseEnvelope"]["payload"]
    altered["dsseEnvelope"]["payload"] = payload[:40] + ("A" if payload[40] != "A" else "B") + payload[41:]
    attach_to_registry(
        repository.url, repository.name, repository.index, json.dumps(altered).encode(), BUNDLE_V03
    )
    error = refusal(repository, repository.index, site.root)
    assert error.code is Code.IMAGE_SIGNATURE
    assert f"[{Code.SIGNATURE_INVALID}]" in error.reason
