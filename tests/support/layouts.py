"""Images with every kind of file, made with the standard library: entries, layers, an OCI layout on disk.

builder = ImageBuilder(tmp_path / "layout")
builder.layer([directory("app"), file("app/run", b"#!/bin/sh", mode=0o755)])
digest = builder.build(tag="v1")
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Literal

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Compression = Literal["none", "gzip", "zstd"]

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_SUFFIX = {"none": "", "gzip": "+gzip", "zstd": "+zstd"}
_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Item:
    """One tar entry. `mtime` is in seconds since the epoch."""

    name: str
    type: bytes = tarfile.REGTYPE
    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: float = 1_700_000_000
    link: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: dict[str, str] = field(default_factory=dict)

    def info(self) -> tarfile.TarInfo:
        """The same as the standard library's header."""
        info = tarfile.TarInfo(self.name)
        info.type, info.size, info.mode = self.type, len(self.content), self.mode
        info.uid, info.gid, info.mtime, info.linkname = self.uid, self.gid, self.mtime, self.link
        info.devmajor, info.devminor = self.device
        info.pax_headers = {f"SCHILY.xattr.{name}": value for name, value in self.xattrs.items()}
        return info


def file(name: str, content: bytes = b"", **more: Any) -> Item:
    """A regular file."""
    return Item(name, content=content, **more)


def directory(name: str, mode: int = 0o755, **more: Any) -> Item:
    """A directory."""
    return Item(name, tarfile.DIRTYPE, mode=mode, **more)


def symlink(name: str, target: str, **more: Any) -> Item:
    """A symbolic link."""
    return Item(name, tarfile.SYMTYPE, link=target, mode=0o777, **more)


def hardlink(name: str, target: str) -> Item:
    """A hard link to an earlier entry."""
    return Item(name, tarfile.LNKTYPE, link=target)


def fifo(name: str, **more: Any) -> Item:
    """A named pipe."""
    return Item(name, tarfile.FIFOTYPE, **more)


def device(name: str, major: int, minor: int, **more: Any) -> Item:
    """A character device."""
    return Item(name, tarfile.CHRTYPE, device=(major, minor), **more)


def whiteout(path: str) -> Item:
    """Hides a lower layer's file or directory."""
    parent, slash, name = path.rpartition("/")
    return Item(f"{parent}{slash}.wh.{name}")


def opaque(path: str) -> Item:
    """Hides all that lower layers have in a directory."""
    return Item(f"{path}/.wh..wh..opq")


def make_tar(items: Iterable[Item], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive of these entries."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for item in items:
            archive.addfile(item.info(), io.BytesIO(item.content))
    return buffer.getvalue()


class ImageBuilder:
    """Writes images into one OCI layout; each `build` takes the layers that were added since the last."""

    def __init__(self, folder: Path, arch: str = "amd64", gzip_level: int = 6) -> None:
        self.folder = folder
        self._gzip_level = gzip_level
        self.arch = arch
        self._blobs = folder / "blobs" / "sha256"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._layers: list[dict[str, Any]] = []
        self._diff_ids: list[str] = []
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="utf-8")
        if not (folder / "index.json").exists():
            self._write_index([])

    def layer(
        self, content: Iterable[Item] | bytes, compression: Compression = "gzip", diff_id: str | None = None
    ) -> ImageBuilder:
        """Add a layer of these entries, or a whole tar. `diff_id` overrides the true one, for a lie."""
        data = content if isinstance(content, bytes) else make_tar(content)
        return self._add(io.BytesIO(data), compression, diff_id)

    def upon(self, digest: str) -> ImageBuilder:
        """Begin with the layers of an image that was built before."""
        manifest = self.document(digest)
        config = self.document(manifest["config"]["digest"])
        self._layers, self._diff_ids = manifest["layers"], config["rootfs"]["diff_ids"]
        return self

    def layer_from(self, archive: Path, compression: Compression = "gzip") -> ImageBuilder:
        """Add a layer out of a tar file of any size."""
        with archive.open("rb") as stream:
            return self._add(stream, compression, None)

    def build(self, tag: str | None = None, *, index: bool = False, **config: Any) -> str:
        """Write configuration and manifest, and an index over them if asked for.

        Returns:
            The digest of the manifest, or of the index.
        """
        document = {
            "architecture": self.arch,
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": self._diff_ids},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self.blob(CONFIG_TYPE, document),
            "layers": self._layers,
        }
        self._layers, self._diff_ids = [], []
        top = self.blob(MANIFEST_TYPE, manifest)
        if index:
            entry = {**top, "platform": {"architecture": self.arch, "os": "linux"}}
            listing = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}
            top = self.blob(INDEX_TYPE, listing)
        self._announce(top, tag)
        return str(top["digest"])

    def blob(self, media_type: str, document: Any) -> dict[str, Any]:
        """Store a JSON document and describe it."""
        raw = json.dumps(document, sort_keys=True).encode()
        name = hashlib.sha256(raw).hexdigest()
        (self._blobs / name).write_bytes(raw)
        return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(raw)}

    def blob_path(self, digest: str) -> Path:
        """Where a blob lies, for tests that damage it."""
        return self._blobs / digest.removeprefix("sha256:")

    def corrupt(self, digest: str) -> None:
        """Let the last layer of an image, by its manifest's digest, be other bytes."""
        path = self.blob_path(self.document(digest)["layers"][-1]["digest"])
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)

    def document(self, digest: str) -> Any:
        """A stored JSON document."""
        return json.loads(self.blob_path(digest).read_bytes())

    def _add(self, stream: IO[bytes], compression: Compression, diff_id: str | None) -> ImageBuilder:
        plain, temporary = hashlib.sha256(), self._blobs / "new"
        with temporary.open("wb") as raw, _compressor(raw, compression, self._gzip_level) as packed:
            while chunk := stream.read(_COPY_BYTES):
                plain.update(chunk)
                packed.write(chunk)
        with temporary.open("rb") as done:
            name = hashlib.file_digest(done, "sha256").hexdigest()
        size = temporary.stat().st_size
        temporary.rename(self._blobs / name)
        media_type = LAYER_TYPE + _SUFFIX[compression]
        self._layers.append({"mediaType": media_type, "digest": f"sha256:{name}", "size": size})
        self._diff_ids.append(diff_id or f"sha256:{plain.hexdigest()}")
        return self

    def _announce(self, top: dict[str, Any], tag: str | None) -> None:
        entries = json.loads((self.folder / "index.json").read_bytes())["manifests"]
        name = "org.opencontainers.image.ref.name"
        if tag is not None:
            entries = [entry for entry in entries if entry.get("annotations", {}).get(name) != tag]
            top = {**top, "annotations": {name: tag}}
        self._write_index([*entries, top])

    def _write_index(self, manifests: list[dict[str, Any]]) -> None:
        document = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}
        (self.folder / "index.json").write_text(json.dumps(document), encoding="utf-8")


def _compressor(raw: IO[bytes], compression: Compression, gzip_level: int) -> Any:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=gzip_level, mtime=0)
    if compression == "zstd":
        return zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False)
    return io.BufferedWriter(io.FileIO(raw.fileno(), "wb", closefd=False))
