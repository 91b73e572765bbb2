"""What cosign 2 leaves without a key: a form that cannot be verified offline, and an error that says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.attaching import fallback_tag
from tests.support.publisher import ISSUER, RELEASER
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.simple_signing import fetch_simple_signing
from tidegate_wire.trust.policy import KeySigner, SignerPolicy, exactly

if TYPE_CHECKING:
    from tests.interop.conftest import Repository
    from tests.support.cosign import Cosign2, Cosign3, KeyPair
    from tests.support.sigstore_site import SigstoreSite

pytestmark = [pytest.mark.real("cosign2"), pytest.mark.real("cosign3")]

POLICY = SignerPolicy((exactly(str(RELEASER["email"]), ISSUER),))


def test_it_is_refused_with_what_to_do(cosign2: Cosign2, site: SigstoreSite, repository: Repository) -> None:
    cosign2.sign(repository.image(repository.index))
    with pytest.raises(TidegateError) as caught:
        repository.signers(repository.index, POLICY, site.root)
    assert caught.value.code is Code.IMAGE_SIGNATURE_FORMAT
    assert "sign it with cosign 3" in caught.value.reason


def test_a_bundle_beside_it_is_enough(
    cosign2: Cosign2, cosign3: Cosign3, site: SigstoreSite, repository: Repository
) -> None:
    cosign2.sign(repository.image(repository.index))
    cosign3.sign(repository.image(repository.index))
    assert len(repository.signers(repository.index, POLICY, site.root)) == 1


def test_it_has_the_form_that_is_expected(cosign2: Cosign2, repository: Repository) -> None:
    cosign2.sign(repository.image(repository.index))
    manifest = json.loads(repository.manifest(f"{fallback_tag(repository.index)}.sig") or b"")
    (layer,) = manifest["layers"]
    log = json.loads(layer["annotations"]["dev.sigstore.cosign/bundle"])
    # A promise of the log and no proof: what sigstore-python does not verify.
    assert set(log) == {"SignedEntryTimestamp", "Payload"}
    assert set(log["Payload"]) == {"body", "integratedTime", "logIndex", "logID"}
    (found,) = fetch_simple_signing(
        repository.source(f"{repository.host}/{repository.name}"), repository.index
    )
    critical = json.loads(found.payload)["critical"]
    assert critical["image"]["docker-manifest-digest"] == repository.index
    assert found.has_certificate


def test_a_key_policy_does_not_take_the_certificate(
    cosign2: Cosign2, repository: Repository, pair: KeyPair
) -> None:
    cosign2.sign(repository.image(repository.index))
    with pytest.raises(TidegateError) as caught:
        repository.signers(repository.index, SignerPolicy((KeySigner("release", pair.public_pem),)), None)
    assert caught.value.code is Code.IMAGE_UNSIGNED
