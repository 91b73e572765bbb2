"""Size and digest of a blob, checked while its bytes stream past."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tidegate_wire.registry.descriptor import Descriptor


class BlobVerifier:
    """Counts and hashes the bytes of one blob, in order, from its first byte on.

    Attributes:
        seen: number of bytes so far.
    """

    def __init__(self, blob: Descriptor) -> None:
        self._blob = blob
        self._hash = hashlib.sha256()
        self.seen = 0

    def update(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes.

        Raises:
            TidegateError: IMAGE_DIGEST_MISMATCH, as soon as there are more bytes than the descriptor says.
        """
        self.seen += len(chunk)
        if self.seen > self._blob.size:
            raise self._mismatch(f"goes on after the {self._blob.size} bytes that its descriptor says")
        self._hash.update(chunk)

    def finish(self) -> None:
        """Say that no more bytes come.

        Raises:
            TidegateError: IMAGE_DIGEST_MISMATCH, when bytes are missing or the digest is another one.
        """
        if self.seen < self._blob.size:
            raise self._mismatch(f"ends after {self.seen} of {self._blob.size} bytes")
        found = f"sha256:{self._hash.hexdigest()}"
        if not hmac.compare_digest(found, self._blob.digest):
            raise self._mismatch(f"has the digest {found}")

    def _mismatch(self, what: str) -> TidegateError:
        return TidegateError(Code.IMAGE_DIGEST_MISMATCH, f"the blob {self._blob.digest} {what}")


def verified_chunks(blob: Descriptor, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass a whole blob's chunks on, and raise before the end is reported when it is not the right blob.

    What was yielded before the error was not genuine: undo everything that was done with it.

    Raises:
        TidegateError: IMAGE_DIGEST_MISMATCH.
    """
    verifier = BlobVerifier(blob)
    for chunk in chunks:
        verifier.update(chunk)
        yield chunk
    verifier.finish()
