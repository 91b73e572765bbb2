"""Small OCI images out of memory: the same content gives the same digests, wherever it is built.

Sources: OCI image specification 1.1: manifest.md, config.md, layer.md, image-layout.md.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tidegate_wire.registry.digest import digest_of, hex_of
from tidegate_wire.registry.media_types import OCI_CONFIG, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
TAG: Final = "org.opencontainers.image.ref.name"
_EXECUTABLE: Final = 0o755
_PLAIN: Final = 0o644

Tree = dict[str, str]
"""Files by path; those that begin with `#!` are executable."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image for one architecture: its manifest, and every other blob by digest."""

    manifest: bytes
    blobs: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """The manifest's digest, by which the image is announced."""
        return digest_of(self.manifest)


def build_image(layers: Sequence[Tree], architecture: str) -> Image:
    """Build an image.

    Args:
        layers: lowest first; a file of a later one replaces that of an earlier one.
        architecture: in Go's names: amd64, arm64.
    """
    tars = [_tar(layer) for layer in layers]
    # mtime 0: the time of packing must not get into the digest.
    packed = [gzip.compress(tar, mtime=0) for tar in tars]
    described = [descriptor(layer, LAYER) for layer in packed]
    config, manifest = documents(described, [digest_of(tar) for tar in tars], architecture)
    return Image(manifest, {digest_of(blob): blob for blob in (config, *packed)})


def documents(
    layers: Sequence[Mapping[str, Any]], diff_ids: Sequence[str], architecture: str
) -> tuple[bytes, bytes]:
    """Configuration and manifest of an image with these layers, described and by digest of their tar."""
    rootfs = {"type": "layers", "diff_ids": list(diff_ids)}
    config = encode({"architecture": architecture, "os": "linux", "config": {}, "rootfs": rootfs})
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, OCI_CONFIG),
        "layers": list(layers),
    }
    return config, encode(manifest)


def write_layout(folder: Path, images: Mapping[str, Image]) -> None:
    """Write an OCI layout with these images by tag.

    Raises:
        OSError: the folder cannot be written.
    """
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for image in images.values():
        for digest, content in {**image.blobs, image.digest: image.manifest}.items():
            (blobs / hex_of(digest)).write_bytes(content)
    write_index(folder, {tag: image.manifest for tag, image in images.items()})


def write_index(folder: Path, manifests: Mapping[str, bytes]) -> None:
    """Make a folder of blobs an OCI layout that names these manifests by tag.

    Raises:
        OSError: the folder cannot be written.
    """
    entries = [
        {**descriptor(manifest, OCI_MANIFEST), "annotations": {TAG: tag}}
        for tag, manifest in manifests.items()
    ]
    (folder / "oci-layout").write_bytes(encode({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_bytes(encode({"schemaVersion": 2, "manifests": entries}))


def _tar(tree: Tree) -> bytes:
    """A tar of the tree in which only names, modes and contents differ from the next: owner 0, time 0."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder in sorted({parent for path in tree for parent in _parents(path)}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, _EXECUTABLE
            tar.addfile(entry)
        for path, text in sorted(tree.items()):
            content = text.encode()
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = _EXECUTABLE if text.startswith("#!") else _PLAIN
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: length + 1]) for length in range(len(parts))]


def descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    """What points to some content: its type, digest and size."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def encode(document: Mapping[str, Any]) -> bytes:
    """A document as JSON; the same document always gives the same bytes."""
    return json.dumps(document, sort_keys=True).encode()
