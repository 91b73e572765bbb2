"""An OCI image layout in a folder, as an image source (OCI image specification 1.1, image-layout.md).

A layout may come from a stick or a download, so its folder is not trusted: every file is opened relative to
the folder's handle, component by component, and no symbolic link is followed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.descriptor import MAX_MANIFEST_BYTES
from tidegate_wire.registry.digest import hex_of, require_digest
from tidegate_wire.registry.layout_index import check_layout_marker, tagged_digest
from tidegate_wire.registry.reference import check_tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tidegate_wire.registry.descriptor import Descriptor

_CHUNK = 1024 * 1024
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class LayoutSource:
    """One OCI layout folder.

    Args:
        folder: the folder that holds `oci-layout`, `index.json` and `blobs/`. The path itself may be a link.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def resolve(self, tag: str) -> str:
        """See ImageSource.resolve; the tag is the annotation `org.opencontainers.image.ref.name`."""
        check_tag(tag)
        check_layout_marker(self._small("oci-layout"), str(self._folder))
        digest = tagged_digest(self._small("index.json"), tag, str(self._folder))
        self.manifest(digest)
        return digest

    def manifest(self, digest: str) -> bytes:
        """See ImageSource.manifest."""
        raw = self._small("blobs", "sha256", hex_of(digest))
        require_digest(raw, digest, f"the manifest in {self._folder}")
        return raw

    def open_blob(self, blob: Descriptor, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """See ImageSource.open_blob."""
        return self._open_blob(blob, offset)

    @contextlib.contextmanager
    def _open_blob(self, blob: Descriptor, offset: int) -> Iterator[Iterator[bytes]]:
        with self._opened("blobs", "sha256", hex_of(blob.digest)) as handle:
            size = os.fstat(handle).st_size
            if size != blob.size:
                raise TidegateError(
                    Code.IMAGE_DIGEST_MISMATCH,
                    f"the blob {blob.digest} in {self._folder} has {size} bytes, not {blob.size}",
                )
            yield self._chunks(handle, blob, offset)

    def _chunks(self, handle: int, blob: Descriptor, offset: int) -> Iterator[bytes]:
        while offset < blob.size:
            with self._reading():
                chunk = os.pread(handle, min(_CHUNK, blob.size - offset), offset)
            if not chunk:
                return
            offset += len(chunk)
            yield chunk

    def _small(self, *parts: str) -> bytes:
        """The whole of a file of at most 4 MiB."""
        with self._opened(*parts) as handle:
            if os.fstat(handle).st_size > MAX_MANIFEST_BYTES:
                name = f"{'/'.join(parts)} in {self._folder}"
                raise TidegateError(Code.IMAGE_TOO_LARGE, f"{name} is larger than {MAX_MANIFEST_BYTES} bytes")
            with self._reading(), os.fdopen(os.dup(handle), "rb") as file:
                return file.read(MAX_MANIFEST_BYTES)

    @contextlib.contextmanager
    def _opened(self, *parts: str) -> Iterator[int]:
        """A regular file below the folder."""
        name = "/".join(parts)
        with self._reading(name):
            handle = self._walk(parts)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise TidegateError(Code.IMAGE_MALFORMED, f"{name} in {self._folder} is not a file")
            yield handle
        finally:
            os.close(handle)

    def _walk(self, parts: tuple[str, ...]) -> int:
        """Open what lies below the folder, without following a link in any component."""
        with contextlib.ExitStack() as handles:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            handles.callback(os.close, folder)
            for part in parts[:-1]:
                folder = os.open(part, _OPEN | os.O_DIRECTORY, dir_fd=folder)
                handles.callback(os.close, folder)
            # Not blocking, or a named pipe in the layout would hold us for ever.
            return os.open(parts[-1], _OPEN | os.O_NONBLOCK, dir_fd=folder)

    @contextlib.contextmanager
    def _reading(self, name: str = "blob") -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise TidegateError(Code.IMAGE_NOT_FOUND, f"the layout {self._folder} has no {name}") from error
        except OSError as error:
            raise TidegateError(
                Code.IMAGE_MALFORMED, f"cannot read {name} in the layout {self._folder}: {error.strerror}"
            ) from error
