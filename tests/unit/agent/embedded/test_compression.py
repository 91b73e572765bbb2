"""Layers out of compression, checked and bounded."""

from __future__ import annotations

import gzip
import hashlib
import io
from typing import TYPE_CHECKING

import pytest
import zstandard

from tests.support.layouts import LAYER_TYPE
from tidegate_agent.engines.images.ahead import work_ahead
from tidegate_agent.engines.images.compression import STEP_BYTES, layer_chunks
from tidegate_agent.engines.images.limits import Budget, Limits
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = b"the quick brown fox " * 40_000
HALF = len(TEXT) // 2
SKIPPABLE = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"extra"


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def unpack(packed: bytes, suffix: str, content: bytes = TEXT, limits: Limits | None = None) -> list[bytes]:
    diff_id = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return list(layer_chunks(io.BytesIO(packed), LAYER_TYPE + suffix, diff_id, Budget(limits or Limits())))


@pytest.mark.parametrize(
    ("packed", "suffix"),
    [
        pytest.param(TEXT, "", id="plain"),
        pytest.param(gzip.compress(TEXT), "+gzip", id="gzip"),
        pytest.param(gzip.compress(TEXT[:HALF]) + gzip.compress(TEXT[HALF:]), "+gzip", id="gzip members"),
        pytest.param(zstd(TEXT), "+zstd", id="zstd"),
        pytest.param(zstd(TEXT[:HALF]) + zstd(TEXT[HALF:]) + SKIPPABLE, "+zstd", id="zstd frames"),
    ],
)
def test_the_whole_comes_out_in_bounded_steps(packed: bytes, suffix: str) -> None:
    chunks = unpack(packed, suffix)
    assert b"".join(chunks) == TEXT
    assert max(map(len, chunks)) <= STEP_BYTES


@pytest.mark.parametrize(
    ("packed", "suffix", "code"),
    [
        pytest.param(gzip.compress(TEXT)[:-20], "+gzip", Code.IMAGE_MALFORMED, id="gzip cut"),
        pytest.param(gzip.compress(TEXT) + b"junk", "+gzip", Code.IMAGE_MALFORMED, id="gzip junk"),
        pytest.param(TEXT, "+gzip", Code.IMAGE_MALFORMED, id="not gzip"),
        pytest.param(TEXT, "+zstd", Code.IMAGE_MALFORMED, id="not zstd"),
        pytest.param(zstd(TEXT)[:-30], "+zstd", Code.IMAGE_DIGEST_MISMATCH, id="zstd cut"),
        pytest.param(gzip.compress(TEXT[1:]), "+gzip", Code.IMAGE_DIGEST_MISMATCH, id="other content"),
        pytest.param(TEXT, "+lz4", Code.IMAGE_UNSUPPORTED, id="unknown"),
        pytest.param(TEXT, "+gzip+encrypted", Code.IMAGE_UNSUPPORTED, id="encrypted"),
    ],
)
def test_what_is_refused(packed: bytes, suffix: str, code: Code) -> None:
    with pytest.raises(TidegateError) as caught:
        unpack(packed, suffix)
    assert caught.value.code is code


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, "+gzip"), (zstd, "+zstd")])
def test_a_bomb_is_stopped_at_its_ratio(pack: object, suffix: str) -> None:
    packed = pack(bytes(20_000_000))  # type: ignore[operator]
    limits = Limits(ratio=100, ratio_floor=1_000_000)
    produced = 0
    chunks = layer_chunks(io.BytesIO(packed), LAYER_TYPE + suffix, "sha256:", Budget(limits))
    with pytest.raises(TidegateError) as caught:  # noqa: PT012 - what came before it is the point
        for chunk in chunks:
            produced += len(chunk)
    assert caught.value.code is Code.IMAGE_HOSTILE
    assert produced <= max(1_000_000, 100 * len(packed)) + STEP_BYTES


def test_the_limit_on_size_counts_all_layers() -> None:
    budget = Budget(Limits(unpacked_bytes=len(TEXT) + 10))
    diff_id = f"sha256:{hashlib.sha256(TEXT).hexdigest()}"
    assert len(list(layer_chunks(io.BytesIO(TEXT), LAYER_TYPE, diff_id, budget))) > 1
    with pytest.raises(TidegateError) as caught:
        list(layer_chunks(io.BytesIO(TEXT), LAYER_TYPE, diff_id, budget))
    assert caught.value.code is Code.IMAGE_TOO_LARGE


def test_working_ahead_keeps_order_and_raises_where_the_iterator_did() -> None:
    def source() -> Iterator[bytes]:
        yield from (b"%d" % number for number in range(50))
        raise OSError(28, "No space left on device")

    seen: list[bytes] = []
    with pytest.raises(OSError, match="No space"), work_ahead(source()) as items:
        seen.extend(items)
    assert seen == [b"%d" % number for number in range(50)]


def test_working_ahead_ends_when_nobody_reads() -> None:
    produced: list[int] = []

    def source() -> Iterator[bytes]:
        for number in range(1000):
            produced.append(number)
            yield b"x"

    with work_ahead(source()) as items:
        assert next(items) == b"x"
    count = len(produced)
    assert count < 20
