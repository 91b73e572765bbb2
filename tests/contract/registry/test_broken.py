"""A registry that breaks off, drips or says nothing: what came is kept, and taken up where it stopped."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.fakes.pacing import FakeTime
from tests.fakes.registry import FakeRegistry, answering, dropping_after
from tests.support.images import noise
from tests.support.pulling import BLOB, CONTENT, fetch, pulling, refusal
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.registry import Exchange
    from tidegate_wire.registry.source import ImageSource


def test_a_broken_transfer_goes_on_by_range(registry: FakeRegistry, source: ImageSource, store: Path) -> None:
    registry.once("/blobs/", dropping_after(200_000, CONTENT), dropping_after(100_000, CONTENT))
    counts: list[int] = []
    assert fetch(source, store, counts) == CONTENT
    asked = [seen.headers.get("Range") for seen in registry.requests("/blobs/")]
    assert asked == [None, "bytes=200000-599999", "bytes=300000-599999"]
    assert sum(counts) == len(CONTENT)


def test_a_registry_without_ranges_is_read_from_the_start(
    registry: FakeRegistry, source: ImageSource, store: Path
) -> None:
    registry.once("/blobs/", dropping_after(200_000, CONTENT), answering(200, CONTENT))
    counts: list[int] = []
    assert fetch(source, store, counts) == CONTENT
    assert sum(counts) == len(CONTENT)


def test_another_content_in_the_second_half_is_found_out(
    registry: FakeRegistry, source: ImageSource, store: Path
) -> None:
    other = noise(600_000, seed=1)
    registry.always("/blobs/", lambda exchange: halves(exchange, other))
    assert refusal(source, store).code is Code.IMAGE_DIGEST_MISMATCH
    assert list(store.iterdir()) == []


def halves(exchange: Exchange, other: bytes) -> None:
    """The right first half, and another second one."""
    (dropping_after(300_000, CONTENT) if exchange.first_byte() is None else dropping_after(300_000, other))(
        exchange
    )


def test_a_rotten_partial_file_is_fetched_anew(source: ImageSource, store: Path) -> None:
    (store / f"{BLOB.digest.removeprefix('sha256:')}.partial").write_bytes(b"rot" * 1000)
    assert fetch(source, store) == CONTENT


def test_a_partial_file_that_is_too_long_is_begun_anew(
    registry: FakeRegistry, source: ImageSource, store: Path
) -> None:
    (store / f"{BLOB.digest.removeprefix('sha256:')}.partial").write_bytes(CONTENT + b"more")
    assert fetch(source, store) == CONTENT
    assert [seen.headers.get("Range") for seen in registry.requests("/blobs/")] == [None]


def test_a_complete_partial_file_needs_no_network(
    registry: FakeRegistry, source: ImageSource, store: Path
) -> None:
    (store / f"{BLOB.digest.removeprefix('sha256:')}.partial").write_bytes(CONTENT)
    assert fetch(source, store) == CONTENT
    assert registry.requests("/blobs/") == []


def test_a_registry_that_always_breaks_off_is_given_up(
    registry: FakeRegistry, source: ImageSource, store: Path, time: FakeTime
) -> None:
    registry.always("/blobs/", dropping_after(10, CONTENT))
    assert refusal(source, store).code is Code.IMAGE_UNREACHABLE
    assert len(registry.requests("/blobs/")) == 5
    assert time.slept == [1.0, 2.0, 4.0, 8.0]
    assert [entry.stat().st_size for entry in store.iterdir()] == [50]


def test_a_slow_drip_is_given_up(registry: FakeRegistry, tmp_path: Path, store: Path) -> None:
    time = FakeTime(step=40.0)  # each read seems to take 40 s
    source = pulling(registry, tmp_path, time)
    registry.always("/blobs/", drip)
    error = refusal(source, store)
    assert error.code is Code.IMAGE_UNREACHABLE
    assert "bytes came in 40 s" in error.reason


def drip(exchange: Exchange) -> None:
    start = exchange.first_byte() or 0
    exchange.start(
        206 if start else 200,
        Content_Length=str(len(CONTENT) - start),
        Content_Range=f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}",
    )
    exchange.write(CONTENT[start : start + 100])
    exchange.hang_up()


def test_a_registry_that_does_not_answer_is_unreachable(
    registry: FakeRegistry, source: ImageSource, time: FakeTime
) -> None:
    registry.always("/manifests/", lambda exchange: exchange.hang_up())
    with pytest.raises(TidegateError) as caught:
        source.resolve("latest")
    assert caught.value.code is Code.IMAGE_UNREACHABLE
    assert len(time.slept) == 4


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Set at the end, so that a trick that holds its answer back lets go of it."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200 OK\r\nX-Never: end",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nTrailer: ",
    ],
    ids=["header", "chunk length", "trailer"],
)
def test_a_line_that_never_ends_is_ended(
    registry: FakeRegistry, tmp_path: Path, time: FakeTime, released: threading.Event, begun: bytes
) -> None:
    def drip_until_hung_up(exchange: Exchange) -> None:
        exchange.write(begun)
        while not released.wait(0.02):  # a byte now and then, so that no wait for one is ever long
            exchange.write(b"0")
        exchange.hang_up()

    registry.always("/manifests/", drip_until_hung_up)
    limits = Limits(attempts=1, answer_timeout=0.3, read_timeout=0.3)
    with pytest.raises(TidegateError) as caught:
        pulling(registry, tmp_path, time, limits=limits).resolve("latest")
    assert caught.value.code is Code.IMAGE_UNREACHABLE
