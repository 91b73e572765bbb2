"""A blob that becomes another one between two connections: found out, and fetched anew where it is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.fakes.registry import FakeRegistry, answering, dropping_after, fake_registry
from tests.support.images import noise
from tests.support.pulling import BLOB, CONTENT, fetch, mirror_of, pulling, refusal
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.pacing import FakeTime
    from tests.fakes.registry import Exchange, Trick
    from tidegate_wire.registry.source import ImageSource

SIZE: Final = len(CONTENT)
OTHERS: Final = {
    "other bytes": noise(SIZE, seed=1),
    "truncated behind": CONTENT[:400_000],
    "truncated before": CONTENT[:100_000],
    "longer": CONTENT + b"more",
    "empty": b"",
    "one bit": CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]),
}


def honest(content: bytes) -> Trick:
    """Answers for this content as a registry does, ranges and 416 included, with an ETag of its own."""

    def trick(exchange: Exchange) -> None:
        start, etag = exchange.first_byte(), f'"{hash(content)}"'
        if start is None:
            exchange.send(200, content, ETag=etag)
        elif start >= len(content):
            exchange.send(416, Content_Range=f"bytes */{len(content)}")
        else:
            place = f"bytes {start}-{len(content) - 1}/{len(content)}"
            exchange.send(206, content[start:], Content_Range=place, ETag=etag)

    return trick


@pytest.mark.parametrize("other", OTHERS.values(), ids=list(OTHERS))
def test_what_changed_in_the_middle_is_fetched_anew(
    registry: FakeRegistry, source: ImageSource, store: Path, other: bytes
) -> None:
    registry.once("/blobs/", dropping_after(200_000, CONTENT), honest(other))
    counts: list[int] = []
    assert fetch(source, store, counts) == CONTENT
    # Once more from the first byte, and not a third time.
    assert sum(counts) <= 2 * SIZE
    assert len(registry.requests("/blobs/")) == 3


@pytest.mark.parametrize("other", OTHERS.values(), ids=list(OTHERS))
def test_what_changed_for_good_is_refused_and_nothing_of_it_is_kept(
    registry: FakeRegistry, source: ImageSource, store: Path, other: bytes
) -> None:
    registry.once("/blobs/", dropping_after(200_000, CONTENT))
    registry.always("/blobs/", honest(other))
    assert refusal(source, store).code is Code.IMAGE_DIGEST_MISMATCH
    assert list(store.iterdir()) == []


@pytest.mark.parametrize("other", OTHERS.values(), ids=list(OTHERS))
def test_what_changed_at_a_mirror_is_fetched_from_the_primary(
    registry: FakeRegistry, tmp_path: Path, time: FakeTime, store: Path, other: bytes
) -> None:
    with fake_registry() as mirror:
        mirror.once("/blobs/", dropping_after(200_000, CONTENT))
        mirror.always("/blobs/", honest(other))
        registry.once("/blobs/", answering(503))
        source = pulling(registry, tmp_path, time, mirror_of(mirror))
        assert fetch(source, store) == CONTENT


def test_a_registry_that_forgets_the_blob_in_the_middle_ends_the_attempt(
    registry: FakeRegistry, source: ImageSource, store: Path
) -> None:
    registry.once("/blobs/", dropping_after(200_000, CONTENT), answering(404))
    assert refusal(source, store).code is Code.IMAGE_NOT_FOUND
    assert [entry.stat().st_size for entry in store.iterdir()] == [200_000]
    counts: list[int] = []
    assert fetch(source, store, counts) == CONTENT
    assert sum(counts) == SIZE - 200_000
    assert BLOB.size == SIZE
