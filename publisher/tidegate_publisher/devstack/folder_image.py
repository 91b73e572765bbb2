"""An OCI image out of a folder: one layer, owned by root, the same content always with the same digest."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Protocol

from tidegate_publisher.devstack import image
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.digest import digest_of, hex_of


def pack_folder(folder: Path, layout: Path, tag: str, architecture: str) -> str:
    """Pack a folder into an OCI layout, which is made if it is not there.

    Args:
        folder: its content becomes the image's root; sockets are left out.
        layout: an OCI image layout; a tag that is there already moves to the new image.
        tag: the image's name in the layout.
        architecture: in Go's names: amd64, arm64.

    Returns:
        The image's digest.

    Raises:
        TidegateError: DISK_IO when something cannot be read or written.
    """
    try:
        return _pack(folder, layout, tag, architecture)
    except (OSError, ValueError) as error:
        raise TidegateError(Code.DISK_IO, f"{folder} cannot be packed into {layout}: {error}") from error


def _pack(folder: Path, layout: Path, tag: str, architecture: str) -> str:
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    layer, diff_id = _write_layer(folder, blobs)
    config, manifest = image.documents([layer], [diff_id], architecture)
    for content in (config, manifest):
        (blobs / hex_of(digest_of(content))).write_bytes(content)
    image.write_index(layout, {**_tagged(layout), tag: manifest})
    return digest_of(manifest)


def _write_layer(folder: Path, blobs: Path) -> tuple[dict[str, object], str]:
    with tempfile.NamedTemporaryFile(dir=blobs, delete=False) as file:
        compressed = _Hashed(file)
        with gzip.GzipFile(fileobj=compressed, mode="wb", filename="", mtime=0) as packer:
            tar = _Hashed(packer)
            with tarfile.open(fileobj=tar, mode="w|", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload] # the same
                for path in sorted(folder.rglob("*")):
                    archive.add(path, str(path.relative_to(folder)), recursive=False, filter=_plain)
    path = Path(file.name)
    path.chmod(0o644)
    path.rename(blobs / hex_of(compressed.digest))
    return {"mediaType": image.LAYER, "digest": compressed.digest, "size": compressed.size}, tar.digest


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    # Who packed it, and when, must not get into the digest.
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    return entry


def _tagged(layout: Path) -> dict[str, bytes]:
    index = layout / "index.json"
    if not index.exists():
        return {}
    blobs = layout / "blobs" / "sha256"
    return {
        entry["annotations"][image.TAG]: (blobs / hex_of(entry["digest"])).read_bytes()
        for entry in json.loads(index.read_bytes())["manifests"]
        if image.TAG in entry.get("annotations", {})
    }


class _Writer(Protocol):
    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...


class _Hashed:
    """A writer that knows the digest and size of what went through it."""

    def __init__(self, below: _Writer) -> None:
        self._below = below
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """What went through, as an OCI digest."""
        return f"sha256:{self._hash.hexdigest()}"

    def write(self, data: bytes, /) -> int:
        """Take note and pass on."""
        self._hash.update(data)
        self.size += len(data)
        return self._below.write(data)

    def flush(self) -> None:
        """Pass on."""
        self._below.flush()
