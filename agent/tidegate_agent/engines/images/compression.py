"""Layers on their way out of compression: bounded in every step, checked against their diff_id at the end."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, BinaryIO

import zstandard

from tidegate_agent.engines.images.limits import Budget, hostile, malformed
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code
from tidegate_wire.registry.media_types import Compression, layer_compression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STEP_BYTES = 256 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_WINDOW_BYTES = 128 * 1024 * 1024  # the zstd tool's own default bound (RFC 8878, 3.1.1.1.2)


def layer_chunks(file: BinaryIO, media_type: str, diff_id: str, budget: Budget) -> Iterator[bytes]:
    """Decompress a layer, and refuse it at its end if it is not the one that the configuration names.

    Args:
        file: the layer as it was fetched; its size bounds the ratio.
        media_type: the layer descriptor's media type.
        diff_id: `sha256:` and the hex digest of the uncompressed archive (OCI image-spec, config.md).
        budget: pays for the uncompressed bytes.

    Raises:
        TidegateError: IMAGE_DIGEST_MISMATCH, IMAGE_HOSTILE, IMAGE_MALFORMED, IMAGE_TOO_LARGE or
            IMAGE_UNSUPPORTED.
    """
    limits = budget.limits
    compressed = file.seek(0, 2)
    file.seek(0)
    digest, total = hashlib.sha256(), 0
    for chunk in _DECODERS[layer_compression(media_type)](file):
        total += len(chunk)
        budget.unpacked(len(chunk))
        if total > limits.ratio_floor and total > limits.ratio * compressed:
            raise hostile(f"a layer of {compressed} bytes unpacks to more than {limits.ratio} times its size")
        digest.update(chunk)
        yield chunk
    if f"sha256:{digest.hexdigest()}" != diff_id:
        raise EngineError(Code.IMAGE_DIGEST_MISMATCH, f"a layer unpacks to something else than {diff_id}")


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(STEP_BYTES):
        yield chunk


def _gzip(file: BinaryIO) -> Iterator[bytes]:
    """All members one after the other (RFC 1952, 2.2)."""
    member = zlib.decompressobj(_GZIP)
    data = b""
    while data or (data := file.read(STEP_BYTES)):
        if member.eof:
            member = zlib.decompressobj(_GZIP)
        try:
            chunk = member.decompress(data, STEP_BYTES)
        except zlib.error as error:
            raise malformed(f"a layer is not valid gzip: {error}") from error
        data = member.unused_data if member.eof else member.unconsumed_tail
        if chunk:
            yield chunk
    while chunk := member.decompress(b"", STEP_BYTES):
        yield chunk
    if not member.eof:
        raise malformed("a layer's gzip stream is cut off")


def _zstd(file: BinaryIO) -> Iterator[bytes]:
    """All frames one after the other, with skippable ones left out (RFC 8878, 3.1)."""
    context = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
    with context.stream_reader(file, read_across_frames=True, closefd=False) as reader:
        while True:
            try:
                chunk = reader.read(STEP_BYTES)
            except zstandard.ZstdError as error:
                raise malformed(f"a layer is not valid zstd: {error}") from error
            if not chunk:
                return
            yield chunk


_DECODERS: dict[Compression, Callable[[BinaryIO], Iterator[bytes]]] = {
    Compression.NONE: _plain,
    Compression.GZIP: _gzip,
    Compression.ZSTD: _zstd,
}
