"""Key pairs on both sides: cosign 3 verifies what a tidegate key signed, and the keys themselves travel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.cosign import Cosign3
from tests.support.layouts import ImageBuilder, file
from tests.support.publisher import Publisher, Ran, succeeded

if TYPE_CHECKING:
    from tests.support.sigstore_site import SigstoreSite

pytestmark = pytest.mark.real("cosign3")

CHANNEL = "https://tidegate.dev/channel/v1"
PASSWORD = {"TIDEGATE_KEY_PASSWORD": "secret"}


@dataclass(frozen=True)
class Release:
    """A release that an encrypted key signed: the publisher's folder, and the image's manifest as a file."""

    publisher: Publisher
    manifest: Path
    cosign: Cosign3

    def verify(self, key: str = "release.pub", manifest: Path | None = None) -> Ran:
        """Ask cosign, without a log and so without any root."""
        folder = self.publisher.folder
        words = ("--key", str(folder / key), "--bundle", str(folder / "bundle.json"), "--type", CHANNEL)
        subject = str(manifest or self.manifest)
        return self.cosign.run("verify-blob-attestation", *words, "--insecure-ignore-tlog=true", subject)


@pytest.fixture
def release(tmp_path: Path, site: SigstoreSite, cosign3: Cosign3) -> Release:
    publisher = Publisher.on(tmp_path, site.sigstore, site.url, "")
    images = ImageBuilder(tmp_path / "layout")
    digest = images.layer([file("etc/os-release", b"ID=test\n")]).build(tag="v1")
    succeeded(publisher.run("keygen", "release", **PASSWORD))
    words = ("--sequence", "1", "--key", "release.key", "-o", "bundle.json")
    succeeded(publisher.run("sign", publisher.release(f"oci:{images.folder}:v1"), *words, **PASSWORD))
    manifest = images.folder / "blobs/sha256" / str(digest).removeprefix("sha256:")
    return Release(publisher, manifest, cosign3)


def test_cosign_verifies_what_the_key_signed(release: Release) -> None:
    succeeded(release.verify())


def test_cosign_refuses_another_key_and_another_image(release: Release, tmp_path: Path) -> None:
    succeeded(release.publisher.run("keygen", "other"))
    assert release.verify("other.pub").status != 0
    other = tmp_path / "other"
    other.write_text("{}")
    assert release.verify(manifest=other).status != 0


def test_a_key_of_ours_goes_to_cosign_but_does_not_come_back(release: Release) -> None:
    publisher = release.publisher
    succeeded(publisher.run("keygen", "plain"))
    prefix = str(publisher.folder / "imported")
    source = str(publisher.folder / "plain.key")
    succeeded(release.cosign.run("import-key-pair", "--key", source, "--output-key-prefix", prefix))
    assert (publisher.folder / "imported.pub").read_text() == (publisher.folder / "plain.pub").read_text()
    words = ("--sequence", "1", "--key", "imported.key", "-o", "x.json", "--json")
    refused = publisher.run("sign", "release.yaml", *words, **PASSWORD)
    assert (refused.status, refused.code) == (4, "trust.key-unusable")
    assert "cosign import-key-pair" in refused.document["reason"]
