"""An OCI image layout, as an image source (OCI image specification 1.1, image-layout.md)."""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.archive import ArchiveFiles
from tidegate_wire.registry.descriptor import MAX_MANIFEST_BYTES
from tidegate_wire.registry.digest import check_digest, hex_of, require_digest
from tidegate_wire.registry.layout_files import FolderFiles, reading
from tidegate_wire.registry.layout_index import check_layout_marker, tagged_digest
from tidegate_wire.registry.layout_referrers import scan_referrers
from tidegate_wire.registry.reference import check_tag
from tidegate_wire.registry.referrers import fallback_tag, read_entries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tidegate_wire.registry.descriptor import Descriptor
    from tidegate_wire.registry.layout_files import Extent, LayoutFiles

_CHUNK = 1024 * 1024


class LayoutSource:
    """One OCI layout.

    Args:
        place: the folder that holds `oci-layout`, `index.json` and `blobs/`, or an uncompressed tar of it
            (what skopeo calls `oci-archive`). The path itself may be a link.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._files: LayoutFiles = ArchiveFiles(place) if place.is_file() else FolderFiles(place)

    def resolve(self, tag: str) -> str:
        """See ImageSource.resolve; the tag is the annotation `org.opencontainers.image.ref.name`."""
        check_tag(tag)
        check_layout_marker(self._small("oci-layout"), str(self._place))
        digest = tagged_digest(self._small("index.json"), tag, str(self._place))
        self.manifest(digest)
        return digest

    def manifest(self, digest: str) -> bytes:
        """See ImageSource.manifest."""
        raw = self._small(f"blobs/sha256/{hex_of(digest)}")
        require_digest(raw, digest, f"the manifest in {self._place}")
        return raw

    def referrers(self, digest: str, artifact_type: str) -> tuple[Descriptor, ...]:
        """See ImageSource.referrers; these descriptors have been checked.

        Looked at are the entries of `index.json`, and of the index that a copy from a registry without
        referrers may have left there under its tag.
        """
        check_digest(digest)
        check_layout_marker(self._small("oci-layout"), str(self._place))
        raw = self._small("index.json")
        entries = read_entries(raw, f"index.json in {self._place}")
        return scan_referrers(
            itertools.chain(self._tagged(raw, fallback_tag(digest)), entries),
            self.manifest,
            digest,
            artifact_type,
        )

    def open_blob(self, blob: Descriptor, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """See ImageSource.open_blob."""
        return self._open_blob(blob, offset)

    def _tagged(self, raw: bytes, tag: str) -> Iterator[Descriptor]:
        """The entries of the index with a tag; none when the tag is not there."""
        try:
            digest = tagged_digest(raw, tag, str(self._place))
        except TidegateError as error:
            if error.code is Code.IMAGE_NOT_FOUND:
                return iter(())
            raise
        return read_entries(self.manifest(digest), f"the index tagged '{tag}' in {self._place}")

    @contextlib.contextmanager
    def _open_blob(self, blob: Descriptor, offset: int) -> Iterator[Iterator[bytes]]:
        with self._files.open(f"blobs/sha256/{hex_of(blob.digest)}") as extent:
            if extent.size != blob.size:
                raise TidegateError(
                    Code.IMAGE_DIGEST_MISMATCH,
                    f"the blob {blob.digest} in {self._place} has {extent.size} bytes, not {blob.size}",
                )
            yield self._chunks(extent, offset)

    def _chunks(self, extent: Extent, offset: int) -> Iterator[bytes]:
        while offset < extent.size:
            with reading("a blob", self._place):
                chunk = os.pread(extent.handle, min(_CHUNK, extent.size - offset), extent.start + offset)
            if not chunk:
                return
            offset += len(chunk)
            yield chunk

    def _small(self, name: str) -> bytes:
        """The whole of a file of at most 4 MiB."""
        with self._files.open(name) as extent:
            if extent.size > MAX_MANIFEST_BYTES:
                raise TidegateError(
                    Code.IMAGE_TOO_LARGE, f"{name} in {self._place} is larger than {MAX_MANIFEST_BYTES} bytes"
                )
            return b"".join(self._chunks(extent, 0))
