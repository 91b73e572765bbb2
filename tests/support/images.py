"""Small OCI images for tests: made in memory, published into a layout folder or anywhere else."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_wire.registry.descriptor import Descriptor
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class TestImage:
    """An image: its manifest's bytes, and all blobs by digest."""

    __test__ = False
    manifest: bytes
    blobs: dict[str, bytes]
    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)


def describe(content: bytes, media_type: str = GZIP_LAYER) -> Descriptor:
    """The descriptor of some content."""
    return Descriptor(media_type=media_type, digest=digest_of(content), size=len(content))


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress, the same for the same seed."""
    return hashlib.shake_256(str(seed).encode()).digest(size)


def layer(files: dict[str, bytes]) -> tuple[bytes, str]:
    """A gzip layer with regular files, and the digest of its tar."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0), digest_of(stream.getvalue())


def image(
    *layers: dict[str, bytes], architecture: str = "amd64", labels: dict[str, str] | None = None
) -> TestImage:
    """An image with one layer for each dictionary of path to content."""
    packed = [layer(files) for files in layers]
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in packed]},
            "config": {"Labels": labels or {}},
        }
    ).encode()
    config_descriptor = describe(config, OCI_CONFIG)
    layer_descriptors = tuple(describe(content) for content, _ in packed)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": plain(config_descriptor),
            "layers": [plain(descriptor) for descriptor in layer_descriptors],
        }
    ).encode()
    blobs = {digest_of(content): content for content in (config, *(content for content, _ in packed))}
    return TestImage(manifest, blobs, config_descriptor, layer_descriptors)


def index(*images: tuple[str, TestImage]) -> bytes:
    """An index of images, each with its architecture."""
    entries = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": entry.digest,
            "size": len(entry.manifest),
            "platform": {"architecture": architecture, "os": "linux"},
        }
        for architecture, entry in images
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()


def plain(descriptor: Descriptor) -> dict[str, object]:
    """A descriptor as it stands in JSON."""
    return descriptor.model_dump(by_alias=True, exclude_none=True)


def write_layout(folder: Path, tagged: dict[str, bytes], blobs: dict[str, bytes]) -> None:
    """Write an OCI layout: manifests by tag, and every other blob by digest."""
    store = folder / "blobs" / "sha256"
    store.mkdir(parents=True, exist_ok=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    entries = []
    for tag, manifest in tagged.items():
        described = plain(describe(manifest, OCI_MANIFEST))
        entries.append({**described, "annotations": {"org.opencontainers.image.ref.name": tag}})
    for content in (*tagged.values(), *blobs.values()):
        (store / digest_of(content).removeprefix("sha256:")).write_bytes(content)
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
