"""What skopeo writes, tidegate reads: into a registry, and as an OCI archive."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import find_program
from tests.support.images import image, noise, write_layout
from tests.support.registries import RealRegistry
from tidegate_wire.registry.download import fetch_blob
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.parsing import parse_config, parse_manifest
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_wire.registry.source import ImageSource

pytestmark = [pytest.mark.real("skopeo"), pytest.mark.real("docker-registry")]

IMAGE = image({"etc/os-release": b"ID=test\n"}, {"data": noise(100_000)}, labels={"version": "1"})


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    write_layout(tmp_path / "layout", {"v1": IMAGE.manifest}, IMAGE.blobs)
    return tmp_path / "layout"


def skopeo_copy(*arguments: str) -> None:
    program = find_program("skopeo")
    assert program is not None
    command = [program, "--insecure-policy", "copy", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def check_whole(source: ImageSource, folder: Path) -> None:
    digest = source.resolve("v1")
    manifest = parse_manifest(source.manifest(digest), digest)
    store = folder / "store"
    store.mkdir()
    paths = [
        fetch_blob(source, blob, store, lambda _: None, lambda: False)
        for blob in (manifest.config, *manifest.layers)
    ]
    config = parse_config(paths[0].read_bytes(), manifest.config)
    assert config.config is not None
    assert config.config.labels == {"version": "1"}
    assert [path.read_bytes() for path in paths[1:]] == [IMAGE.blobs[layer.digest] for layer in IMAGE.layers]


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_what_skopeo_pushes_is_pulled(layout: Path, tmp_path: Path, form: str) -> None:
    with RealRegistry(tmp_path) as registry:
        skopeo_copy(
            "--format",
            form,
            "--dest-tls-verify=false",
            f"oci:{layout}:v1",
            f"docker://{registry.host}/app:v1",
        )
        conf = tmp_path / "registries.conf"
        conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
        source = open_source(parse_reference(f"{registry.host}/app"), RegistrySettings(registries_conf=conf))
        check_whole(source, tmp_path)


def test_an_archive_by_skopeo_is_read(layout: Path, tmp_path: Path) -> None:
    archive = tmp_path / "release.oci"
    skopeo_copy(f"oci:{layout}:v1", f"oci-archive:{archive}:v1")
    check_whole(open_source(parse_reference(f"oci:{archive}"), RegistrySettings()), tmp_path)
