"""A real Debian root, staged by the embedded engine, compared file by file with what umoci unpacks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.debian import build_image
from tests.support.layouts import Compression, ImageBuilder, file
from tests.support.registries import RealRegistry
from tests.support.trees import differences, hard_links, scan
from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.model import ImageTarget, StageProgress, StageResult
from tidegate_wire.registry.layout import LayoutSource
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings

pytestmark = [
    pytest.mark.real("mmdebstrap"),
    pytest.mark.real("umoci"),
    pytest.mark.real("skopeo"),
    pytest.mark.real("docker-registry"),
    pytest.mark.timeout(600),  # the bootstrap alone takes half a minute on an idle machine
    pytest.mark.skipif(os.geteuid() != 0, reason="owners and devices need root"),
]


class Site:
    """A layout with the Debian image, and a store."""

    def __init__(self, folder: Path, layers: tuple[Path, Path], compression: Compression) -> None:
        self.builder = ImageBuilder(folder / "layout", gzip_level=1)
        self.digest = build_image(self.builder, layers, compression, "v1")
        self.root = folder / "store"
        self.engine = EmbeddedEngine(self.root, lambda reference: LayoutSource(Path(reference)))

    def stage(self, digest: str) -> StageResult:
        target = ImageTarget(digest, (str(self.builder.folder),), "amd64")
        return self.engine.stage(target, lambda _: None, lambda: False)

    def rootfs(self, digest: str) -> Path:
        return self.root / "generations" / digest.removeprefix("sha256:") / "rootfs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, layers: tuple[Path, Path]) -> Site:
    made = Site(tmp_path_factory.mktemp("gzip"), layers, "gzip")
    made.stage(made.digest)
    return made


def test_every_file_is_as_umoci_unpacks_it(site: Site, tmp_path: Path) -> None:
    copied = f"oci:{tmp_path / 'copied'}:v1"
    subprocess.run(["/usr/bin/skopeo", "copy", "-q", f"oci:{site.builder.folder}:v1", copied], check=True)
    bundle = tmp_path / "bundle"
    subprocess.run(
        ["/usr/bin/umoci", "unpack", "--image", copied.removeprefix("oci:"), bundle],
        check=True,
        capture_output=True,
    )
    ours, theirs = site.rootfs(site.digest), bundle / "rootfs"
    found = scan(ours)
    assert len(found) > 8_000
    assert differences(found, scan(theirs)) == []
    # Equal files share an inode here even where the image does not link them; the reverse must never be.
    groups = hard_links(ours)
    assert all(any(group <= ours_group for ours_group in groups) for group in hard_links(theirs))


def test_zstd_gives_the_same_tree(site: Site, tmp_path: Path, layers: tuple[Path, Path]) -> None:
    other = Site(tmp_path, layers, "zstd")
    assert other.digest != site.digest
    other.stage(other.digest)
    assert differences(scan(other.rootfs(other.digest)), scan(site.rootfs(site.digest))) == []


def test_a_real_registry_gives_the_same_tree(site: Site, tmp_path: Path) -> None:
    conf, store = tmp_path / "registries.conf", tmp_path / "store"
    with RealRegistry(tmp_path) as registry:
        conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
        settings = RegistrySettings(registries_conf=conf)
        reference = f"{registry.host}/debian"
        push = ["/usr/bin/skopeo", "copy", "-q", "--preserve-digests", "--dest-tls-verify=false"]
        push += [f"oci:{site.builder.folder}:v1", f"docker://{reference}:v1"]
        subprocess.run(push, check=True)
        engine = EmbeddedEngine(store, lambda text: open_source(parse_reference(text), settings))
        target = ImageTarget(site.digest, (reference,), "amd64")
        seen: list[StageProgress] = []
        result = engine.stage(target, seen.append, lambda: False)
    sizes = [layer["size"] for layer in site.builder.document(site.digest)["layers"]]
    assert result.bytes_fetched >= sum(sizes)
    assert [step.percent for step in seen][-1] == 100
    tree = store / "generations" / site.digest.removeprefix("sha256:") / "rootfs"
    assert differences(scan(tree), scan(site.rootfs(site.digest))) == []


def test_nothing_is_damaged(site: Site) -> None:
    assert site.engine.verify(site.digest) == []


def test_an_update_fetches_and_stores_only_what_is_new(site: Site) -> None:
    content = os.urandom(100_000)
    digest = site.builder.upon(site.digest).layer([file("etc/release", content)]).build("v2")
    before = _used(site.root)
    result = site.stage(digest)
    manifest = site.builder.document(digest)
    assert result.bytes_fetched == manifest["layers"][-1]["size"] + manifest["config"]["size"]
    assert result.files_new == 1
    assert result.files_reused > 6_000
    # Directories and symbolic links are made anew, files are not.
    assert _used(site.root) - before < 0.05 * before


def _used(folder: Path) -> int:
    """Bytes on disk, each inode counted once."""
    seen = {(status.st_ino, status.st_blocks) for path in folder.rglob("*") for status in [path.lstat()]}
    return 512 * sum(blocks for _, blocks in seen)
