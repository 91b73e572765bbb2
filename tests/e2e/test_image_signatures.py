"""A host that asks for the image's own signature (step 8): real agent, broker, registry and bundles."""

from __future__ import annotations

import contextlib
import json
import platform
from typing import TYPE_CHECKING

import pytest

from tests.support.attaching import (
    BUNDLE_V03,
    RegistryPusher,
    attach_to_layout,
    attach_to_registry,
    cosign2_manifest,
    put_in_layout,
)
from tests.support.bundles import PERSON
from tests.support.images import image, index
from tests.support.key_pairs import KeyPair
from tests.support.registries import RealRegistry
from tests.support.site import site
from tidegate_publisher.devstack.sigstore import email_claims
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.platform import own_architecture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.site import Site
    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = [pytest.mark.real("mosquitto")]

V1 = image({"etc/version": b"1"})
V2 = image({"etc/version": b"2"})
REQUIRED = {"image_signature": "required"}


def about(digest: str, predicate: str = "https://sigstore.dev/cosign/sign/v1") -> bytes:
    """What cosign 3 signs."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": predicate,
        "predicate": {},
    }
    return json.dumps(statement).encode()


def signature(sigstore: LocalSigstore, digest: str, email: str = PERSON) -> bytes:
    """A bundle about an image."""
    return sigstore.sign_statement(about(digest), email_claims(email))


@contextlib.contextmanager
def with_registry(
    tmp_path: Path, sigstore: LocalSigstore, attempts: int = 2
) -> Iterator[tuple[Site, RealRegistry]]:
    """A site whose images lie in Debian's docker-registry, which has no referrers API."""
    conf = tmp_path / "registries.conf"
    with RealRegistry(tmp_path) as registry:
        conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
        with site(
            tmp_path,
            sigstore,
            reference=f"{registry.host}/fleet/os",
            embedded={"registries_conf": str(conf)},
            follow=REQUIRED,
            tables={"stage": {"attempts": attempts, "retry_initial": "1s", "retry_maximum": "1s"}},
        ) as here:
            yield here, registry


@pytest.mark.real("docker-registry")
def test_an_image_counts_once_it_is_signed(tmp_path: Path, sigstore: LocalSigstore) -> None:
    with with_registry(tmp_path, sigstore) as (here, registry):
        url = f"http://{registry.host}"
        for tag, each in (("1", V1), ("2", V2)):
            registry.push("fleet/os", each, tag)
        attach_to_registry(url, "fleet/os", V1.digest, signature(sigstore, V1.digest), BUNDLE_V03)
        here.channel.announce(V1.digest)
        here.watcher.wait_for(Step.SUCCEEDED, V1.digest)

        here.channel.announce(V2.digest)
        assert here.watcher.wait_for(Step.FAILED, V2.digest).data.code is Code.IMAGE_UNSIGNED
        assert here.version() == "1"

        stranger = signature(sigstore, V2.digest, "eve@example.org")
        attach_to_registry(url, "fleet/os", V2.digest, stranger, BUNDLE_V03)
        attach_to_registry(url, "fleet/os", V2.digest, signature(sigstore, V1.digest), BUNDLE_V03)
        stored = here.host.stored()
        sequence = here.host.follow().sequence
        here.channel.announce(V2.digest)
        here.watcher.wait(lambda: here.host.follow().sequence != sequence, "the next statement is taken up")
        here.watcher.wait(lambda: here.host.follow().state == "failed", "it failed")
        assert here.host.follow().code is Code.IMAGE_SIGNATURE
        assert "eve@example.org" in here.host.follow().reason
        assert here.host.stored() == stored
        assert here.version() == "1"

        attach_to_registry(url, "fleet/os", V2.digest, signature(sigstore, V2.digest), BUNDLE_V03)
        here.channel.announce(V2.digest)
        here.watcher.wait(lambda: here.host.follow().state == "succeeded", "the signed image runs")
        assert here.version() == "2"


@pytest.mark.real("docker-registry")
def test_of_an_index_the_announced_digest_has_to_be_signed(tmp_path: Path, sigstore: LocalSigstore) -> None:
    own = own_architecture(platform.machine())
    both = index((own, V1), ("riscv64" if own != "riscv64" else "amd64", V2))
    announced = digest_of(both)
    with with_registry(tmp_path, sigstore, attempts=100) as (here, registry):
        url = f"http://{registry.host}"
        for tag, each in (("1", V1), ("2", V2)):
            registry.push("fleet/os", each, tag)
        with RegistryPusher(url, "fleet/os") as pusher:
            pusher.put_manifest("both", both)
        # A signature of one platform's manifest says nothing about the index.
        attach_to_registry(url, "fleet/os", V1.digest, signature(sigstore, V1.digest), BUNDLE_V03)
        here.channel.announce(announced)
        assert here.watcher.wait_for(Step.WAITING, announced).data.code is Code.IMAGE_UNSIGNED

        # One that comes later than the announcement is found without another.
        attach_to_registry(url, "fleet/os", announced, signature(sigstore, announced), BUNDLE_V03)
        here.watcher.wait_for(Step.SUCCEEDED, announced)
        assert here.version() == "1"


def test_cosign_2_is_told_what_to_do(tmp_path: Path, sigstore: LocalSigstore) -> None:
    with site(tmp_path, sigstore, follow=REQUIRED) as here:
        digest = here.images.release("1")
        legacy = cosign2_manifest((b"{}", b"signature"), certificate="PEM")
        put_in_layout(tmp_path / "layout", legacy, f"{digest.replace(':', '-')}.sig")
        here.channel.announce(digest)
        failed = here.watcher.wait_for(Step.FAILED, digest).data
        assert failed.code is Code.IMAGE_SIGNATURE_FORMAT
        assert "cosign 3" in failed.reason


def test_a_fleet_with_key_pairs_needs_no_sigstore(tmp_path: Path, sigstore: LocalSigstore) -> None:
    pair, key = KeyPair("vault"), tmp_path / "vault.pub"
    key.write_text(pair.pem)
    signers = [{"name": "vault", "key": str(key)}]
    rootless = {"trust": {"root": "none"}}
    with site(tmp_path, sigstore, follow={**REQUIRED, "signers": signers}, tables=rootless) as here:
        digest = here.images.release("1")
        statement = here.channel.statement(digest, sequence=1)
        attach_to_layout(tmp_path / "layout", digest, pair.bundle(about(digest)), BUNDLE_V03)
        here.channel.say(here.channel.sign(statement))
        refused = here.watcher.wait_for(Step.REJECTED).data
        assert refused.code is Code.SIGNATURE_MALFORMED
        here.channel.say(pair.bundle(statement.to_json()))
        here.watcher.wait_for(Step.SUCCEEDED, digest)
        assert here.version() == "1"
