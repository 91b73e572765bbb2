"""What `tidegate sign` makes, cosign 3 and 2 verify, and refuse what they should."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.cosign import Cosign
from tests.support.layouts import ImageBuilder, file
from tests.support.publisher import ISSUER, RELEASER, Publisher, Ran, succeeded

if TYPE_CHECKING:
    from tests.support.sigstore_site import SigstoreSite

pytestmark = [pytest.mark.real("cosign3"), pytest.mark.real("cosign2")]

CHANNEL = "https://tidegate.dev/channel/v1"
PERSON = str(RELEASER["email"])


@dataclass(frozen=True)
class Release:
    """A signed release: its bundle, and the manifest of its image as a file."""

    bundle: Path
    manifest: Path
    other_manifest: Path
    cosign: Cosign
    root: Path

    def verify(self, manifest: Path | None = None, root: Path | None = None, /, **changed: str) -> Ran:
        """Ask cosign about a manifest; keyword arguments replace its options' values."""
        options = {
            "bundle": str(self.bundle),
            "type": CHANNEL,
            "certificate_identity": PERSON,
            "certificate_oidc_issuer": ISSUER,
            **changed,
        }
        return self.cosign.verify_attestation(manifest or self.manifest, root=root or self.root, **options)


@pytest.fixture(
    scope="module",
    # cosign 2.5 knows nothing of Rekor v2.
    params=[("cosign3", "v1"), ("cosign3", "v2"), ("cosign2", "v1")],
    ids="-".join,
)
def release(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, site: SigstoreSite
) -> Release:
    tool, rekor = request.param
    folder = tmp_path_factory.mktemp("release")
    publisher = replace(
        Publisher.on(folder, site.sigstore, site.url, ""), trust_config=site.trust_config(rekor)
    )
    images = ImageBuilder(folder / "layout")
    digest = images.layer([file("etc/os-release", b"ID=test\n")]).build(tag="v1")
    other = ImageBuilder(folder / "layout").layer([file("etc/os-release", b"ID=other\n")]).build(tag="v2")
    succeeded(
        publisher.run(
            *("sign", publisher.release(f"oci:{images.folder}:v1"), "--sequence", "7", "-o", "bundle.json"),
            TIDEGATE_TRUST_CONFIG=str(publisher.trust_config),
            SIGSTORE_ID_TOKEN=publisher.token(),
        )
    )
    bundle = folder / "bundle.json"
    cosign: Cosign = request.getfixturevalue(tool)
    return Release(bundle, images.blob_path(digest), images.blob_path(other), cosign, site.root)


def test_cosign_verifies_what_tidegate_signed(release: Release) -> None:
    ran = release.verify()
    assert ran.status == 0, ran.stderr
    assert "Verified OK" in ran.stderr + ran.stdout


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"certificate_identity": "stranger@example.org"}, "expected SAN value"),
        (
            {"certificate_oidc_issuer": "https://issuer.example.org"},
            "expected issuer value",
        ),
    ],
    ids=["another identity", "another issuer"],
)
def test_cosign_refuses_another_expectation(release: Release, changed: dict[str, str], reason: str) -> None:
    ran = release.verify(**changed)
    assert ran.status != 0
    assert reason in ran.stderr


# cosign 2.5 lets it pass: CVE-2026-39395.
@pytest.mark.parametrize("release", [("cosign3", "v1"), ("cosign3", "v2")], ids="-".join, indirect=True)
def test_cosign_3_refuses_it_as_another_kind_of_statement(release: Release) -> None:
    ran = release.verify(type="https://slsa.dev/provenance/v1")
    assert ran.status != 0
    assert "predicate" in ran.stderr


def test_cosign_refuses_it_under_another_root(release: Release, other_root: Path) -> None:
    ran = release.verify(None, other_root)
    assert ran.status != 0
    assert "failed to verify" in ran.stderr


def test_cosign_refuses_it_for_another_image(release: Release) -> None:
    ran = release.verify(release.other_manifest)
    assert ran.status != 0
    assert "digest" in ran.stderr


def test_cosign_refuses_it_when_one_letter_was_changed(release: Release, tmp_path: Path) -> None:
    altered = tmp_path / "altered.json"
    raw = release.bundle.read_text()
    start = raw.index('"payload":') + len('"payload":') + 40
    letter = "A" if raw[start] != "A" else "B"
    altered.write_text(raw[:start] + letter + raw[start + 1 :])
    assert release.verify(bundle=str(altered)).status != 0
