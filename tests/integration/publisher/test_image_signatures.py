"""An image's own signature, looked for where hosts look; in OCI layouts, with a local Sigstore's bundles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.attaching import BUNDLE_V03, attach_to_layout
from tests.support.key_pairs import KeyPair
from tests.support.publisher import POLICY, RELEASER, STRANGER, Publisher, succeeded
from tidegate_wire.trust.policy import COSIGN, PROVENANCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.layouts import ImageBuilder
    from tidegate_publisher.devstack.sigstore.claims import Claims
    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore


def about(digest: str, predicate: str = COSIGN) -> bytes:
    """What cosign 3 or a build signs about an image."""
    subject = {"name": "", "digest": {"sha256": digest.removeprefix("sha256:")}}
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject],
        "predicateType": predicate,
        "predicate": {},
    }
    return json.dumps(statement).encode()


@pytest.fixture
def digest(images: ImageBuilder, image: str) -> str:
    del image
    return str(json.loads((images.folder / "index.json").read_bytes())["manifests"][0]["digest"])


@pytest.fixture
def publisher(tmp_path: Path, sigstore: LocalSigstore) -> Publisher:
    return Publisher.on(tmp_path, sigstore, "http://127.0.0.1:1", "mqtt://127.0.0.1:1")


def verify(publisher: Publisher, image: str, *words: str) -> tuple[int, str]:
    """Exit status, and who signed or why not."""
    ran = publisher.run(
        "verify-image", image, *words, "--json", TIDEGATE_TRUST_CONFIG=str(publisher.trust_config)
    )
    found = ran.document
    return ran.status, found["code"] if ran.status else found["signers"][0]["identity"]


def sign(sigstore: LocalSigstore, images: ImageBuilder, digest: str, claims: Claims, payload: bytes) -> None:
    attach_to_layout(images.folder, digest, sigstore.sign_statement(payload, claims), BUNDLE_V03)


def test_signed_by_whom_it_should_be(
    publisher: Publisher, sigstore: LocalSigstore, images: ImageBuilder, image: str, digest: str
) -> None:
    assert verify(publisher, image, *POLICY) == (4, "image.unsigned")
    sign(sigstore, images, digest, STRANGER, about(digest))
    assert verify(publisher, image, *POLICY) == (4, "image.signature")
    sign(sigstore, images, digest, RELEASER, about("sha256:" + "b" * 64))
    assert verify(publisher, image, *POLICY) == (4, "image.signature")
    sign(sigstore, images, digest, RELEASER, about(digest))
    by_digest = f"{image.rpartition(':')[0]}@{digest}"
    assert verify(publisher, by_digest, *POLICY) == (0, "release@example.org")
    assert verify(publisher, image, "--predicate", "provenance", *POLICY) == (4, "image.signature")
    sign(sigstore, images, digest, RELEASER, about(digest, PROVENANCE))
    assert verify(publisher, image, "--predicate", "provenance", *POLICY)[0] == 0


def test_a_key_pair_and_the_signers_file(
    publisher: Publisher, images: ImageBuilder, image: str, digest: str
) -> None:
    pair = KeyPair()
    attach_to_layout(images.folder, digest, pair.bundle(about(digest)), BUNDLE_V03)
    (publisher.folder / "ours.pub").write_text(pair.pem)
    (publisher.folder / "other.pub").write_text(KeyPair().pem)
    signers, file = publisher.folder / "signers.toml", ("--signers", "signers.toml")
    signers.write_text('[[signers]]\nkey = "ours.pub"\n')
    assert verify(publisher, image, *file) == (0, "ours.pub")
    signers.write_text('[[signers]]\nkey = "ours.pub"\n[[image_signers]]\nkey = "other.pub"\n')
    assert verify(publisher, image, *file) == (4, "image.signature")
    signers.write_text('image_predicates = ["provenance"]\n[[signers]]\nkey = "ours.pub"\n')
    assert verify(publisher, image, *file) == (4, "image.signature")
    assert verify(publisher, image, *file, "--predicate", "signature") == (0, "ours.pub")


def test_nobody_named_is_a_wrong_use(publisher: Publisher, image: str) -> None:
    assert verify(publisher, image) == (2, "usage")


def test_a_release_whose_image_hosts_would_refuse_is_not_signed(
    publisher: Publisher, images: ImageBuilder, image: str, digest: str
) -> None:
    succeeded(publisher.run("keygen", "release"))
    (publisher.folder / "signers.toml").write_text('[[signers]]\nkey = "release.pub"\n')
    words = (
        "--sequence",
        "1",
        "--key",
        "release.key",
        "--signers",
        "signers.toml",
        "-o",
        "one.json",
        "--json",
    )
    strict = ("sign", publisher.release(image), *words, "--require-image-signature")
    refused = publisher.run(*strict)
    assert (refused.status, refused.code) == (4, "image.unsigned")
    assert not (publisher.folder / "one.json").exists()
    pair = KeyPair()
    (publisher.folder / "image.pub").write_text(pair.pem)
    with (publisher.folder / "signers.toml").open("a") as file:
        file.write('[[image_signers]]\nkey = "image.pub"\n')
    attach_to_layout(images.folder, digest, pair.bundle(about(digest)), BUNDLE_V03)
    succeeded(publisher.run(*strict))
