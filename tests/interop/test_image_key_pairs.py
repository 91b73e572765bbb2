"""Images that cosign 3 and 2 sign with a key pair: accepted under it, whatever proof lies beside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import pytest

from tests.support.attaching import RegistryPusher, fallback_tag
from tests.support.publisher import ISSUER, RELEASER
from tests.support.sigstore_site import Proof
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.keys import NO_ISSUER
from tidegate_wire.trust.policy import KeySigner, SignerPolicy, exactly

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.conftest import Repository
    from tests.support.cosign import Cosign2, Cosign3, KeyPair
    from tests.support.sigstore_site import SigstoreSite

pytestmark = [pytest.mark.real("cosign3"), pytest.mark.real("cosign2")]

SIGNED_BY = (f"release ({NO_ISSUER})",)


def policy(pair: KeyPair) -> SignerPolicy:
    return SignerPolicy((KeySigner("release", pair.public_pem),))


def refusal(
    repository: Repository, digest: str, policy: SignerPolicy, root: Path | None = None
) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        repository.signers(digest, policy, root)
    return caught.value


@pytest.mark.parametrize("proof", get_args(Proof))
def test_a_key_of_cosign_3_is_accepted_with_whatever_proof(
    cosign3: Cosign3, repository: Repository, pair: KeyPair, proof: Proof
) -> None:
    cosign3.sign_with_key(repository.image(repository.index), pair, proof)
    assert repository.signers(repository.index, policy(pair), None) == SIGNED_BY


@pytest.mark.parametrize("proof", ["nothing", "v1"])
def test_a_key_of_cosign_2_is_accepted_with_and_without_a_log(
    cosign2: Cosign2, repository: Repository, pair: KeyPair, proof: Proof
) -> None:
    cosign2.sign_with_key(repository.image(repository.index), pair, proof)
    assert repository.signers(repository.index, policy(pair), None) == SIGNED_BY


def test_another_key_is_refused(
    cosign2: Cosign2, cosign3: Cosign3, repository: Repository, pair: KeyPair, other_pair: KeyPair
) -> None:
    cosign3.sign_with_key(repository.image(repository.index), other_pair)
    cosign2.sign_with_key(repository.image(repository.index), other_pair)
    error = refusal(repository, repository.index, policy(pair))
    assert error.code is Code.IMAGE_SIGNATURE
    assert error.reason.count(f"[{Code.SIGNATURE_IDENTITY}]") == 2


def test_who_trusts_certificates_does_not_take_a_key(
    cosign3: Cosign3, site: SigstoreSite, repository: Repository, pair: KeyPair
) -> None:
    cosign3.sign_with_key(repository.image(repository.index), pair, "v1")
    keyless = SignerPolicy((exactly(str(RELEASER["email"]), ISSUER),))
    error = refusal(repository, repository.index, keyless, site.root)
    assert error.code is Code.IMAGE_SIGNATURE
    assert f"[{Code.SIGNATURE_MALFORMED}]" in error.reason


def test_who_trusts_a_key_does_not_take_a_certificate(
    cosign3: Cosign3, repository: Repository, pair: KeyPair
) -> None:
    cosign3.sign(repository.image(repository.index))
    error = refusal(repository, repository.index, policy(pair))
    assert error.code is Code.IMAGE_SIGNATURE
    assert f"[{Code.SIGNATURE_MALFORMED}]" in error.reason


def test_a_signature_of_cosign_2_that_was_moved_to_another_image_is_refused(
    cosign2: Cosign2, repository: Repository, pair: KeyPair
) -> None:
    cosign2.sign_with_key(repository.image(repository.amd64), pair)
    signature = repository.manifest(f"{fallback_tag(repository.amd64)}.sig")
    assert signature is not None
    with RegistryPusher(repository.url, repository.name) as pusher:
        pusher.put_manifest(f"{fallback_tag(repository.arm64)}.sig", signature)
    error = refusal(repository, repository.arm64, policy(pair))
    assert error.code is Code.IMAGE_SIGNATURE
    assert f"[{Code.IMAGE_DIGEST_MISMATCH}]" in error.reason


def test_cosigns_bundle_under_a_key_has_the_form_that_is_expected(
    cosign3: Cosign3, site: SigstoreSite, pair: KeyPair
) -> None:
    # What the reference says of these bundles; when cosign changes it, this tells first.
    blob = site.folder / "statement.json"
    blob.write_text('{"_type": "https://in-toto.io/Statement/v1"}')
    parts = {}
    for proof in get_args(Proof):
        bundle = json.loads(cosign3.attest_blob_with_key(pair, "--statement", str(blob), proof=proof))
        material = bundle["verificationMaterial"]
        assert set(material.pop("publicKey")) == {"hint"}
        parts[proof] = set(material)
    assert parts == {
        "nothing": set(),
        "timestamp": {"timestampVerificationData"},
        "v1": {"tlogEntries"},
        "v2": {"tlogEntries", "timestampVerificationData"},
    }
