"""The port: where the bytes of one image come from.

Implementations: `client.RegistryClient` (one repository of a registry and its mirrors) and
`layout.LayoutSource` (a folder, or a tar of one). tests/contract/test_image_source.py and
test_referrers.py run on each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tidegate_wire.registry.descriptor import Descriptor


class Cancelled(Exception):  # noqa: N818 - not an error: the caller asked for it
    """The caller's `cancel` said yes. What was fetched so far is kept for a later resumption."""


class ImageSource(Protocol):
    """One repository, from which manifests and blobs are read by digest.

    Every method raises TidegateError with one of these codes: IMAGE_UNREACHABLE, IMAGE_UNAUTHORIZED,
    IMAGE_NOT_FOUND, IMAGE_TOO_LARGE, IMAGE_DIGEST_MISMATCH, IMAGE_MALFORMED, REFERENCE_INVALID.
    """

    def resolve(self, tag: str) -> str:
        """The digest that a tag stands for at this moment, computed from the content itself."""
        ...

    def manifest(self, digest: str) -> bytes:
        """The manifest or index with this digest, at most 4 MiB, already verified against it."""
        ...

    def referrers(self, digest: str, artifact_type: str) -> tuple[Descriptor, ...]:
        """Descriptors of the manifests that may have this digest as their subject, and this type.

        At most `referrers.MAX_REFERRERS`, each digest once, in the order of the source. Empty only when the
        source says that there are none: a source that cannot be asked is an error. They are hints, which
        whoever could push may have written; `attachments.fetch_attachments` checks what lies behind them.
        """
        ...

    def open_blob(self, blob: Descriptor, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of a blob from `offset` on, in chunks of at most 1 MiB.

        The chunks are NOT verified: pass them through `verify.verified_chunks`, or use `download.fetch_blob`.
        At most `blob.size - offset` bytes are yielded, whatever the other side sends. An interrupted transfer
        is taken up again where it stopped; where ranges are ignored, what lies before `offset` is read and
        dropped.
        """
        ...
