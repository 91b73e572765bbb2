"""A registry that sends something else than it should: refused early, nothing kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.pacing import FakeTime
from tests.fakes.registry import FakeRegistry, answering
from tests.support.images import noise
from tests.support.pulling import BLOB, CONTENT, IMAGE, fetch, pulling, refusal
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.descriptor import MAX_MANIFEST_BYTES
from tidegate_wire.registry.digest import digest_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.registry import Exchange
    from tidegate_wire.registry.source import ImageSource


def test_an_endless_body_is_read_to_the_blobs_size_only(
    registry: FakeRegistry, source: ImageSource, store: Path
) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.start(200, Connection="close")
        for _ in range(100):
            exchange.write(CONTENT)
        exchange.hang_up()

    registry.always("/blobs/", endless)
    assert fetch(source, store) == CONTENT
    assert len(registry.requests("/blobs/")) == 1


@pytest.mark.parametrize("length", [0, 1, 599_999, 600_001])
def test_another_length_is_refused_before_the_body(
    registry: FakeRegistry, source: ImageSource, store: Path, length: int
) -> None:
    registry.always("/blobs/", answering(200, noise(length)))
    assert refusal(source, store).code is Code.IMAGE_DIGEST_MISMATCH
    assert list(store.iterdir()) == []


@pytest.mark.parametrize(
    "content_range",
    [
        "",
        "bytes 0-599999/600000",
        "bytes 99-599999/600000",
        "bytes 100-599999/700000",
        "pages 100-599999/600000",
    ],
)
def test_another_range_than_asked_for_is_refused(
    registry: FakeRegistry, source: ImageSource, store: Path, content_range: str
) -> None:
    (store / f"{BLOB.digest.removeprefix('sha256:')}.partial").write_bytes(CONTENT[:100])
    registry.once("/blobs/", answering(206, CONTENT[100:], Content_Range=content_range))
    assert (
        fetch(source, store) == CONTENT
    )  # the second try leaves out the partial file, which could be the reason
    assert [seen.headers.get("Range") for seen in registry.requests("/blobs/")] == ["bytes=100-599999", None]


def test_a_packed_answer_is_not_unpacked(registry: FakeRegistry, source: ImageSource, store: Path) -> None:
    registry.once("/blobs/", answering(200, CONTENT, Content_Encoding="gzip"))
    assert fetch(source, store) == CONTENT


def test_a_wrong_manifest_is_refused(registry: FakeRegistry, source: ImageSource) -> None:
    registry.always("/manifests/", answering(200, b"{}"))
    with pytest.raises(TidegateError) as caught:
        source.manifest(IMAGE.digest)
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH


def test_the_registrys_word_on_a_tag_must_be_true(registry: FakeRegistry, source: ImageSource) -> None:
    registry.always("/manifests/", answering(200, IMAGE.manifest, Docker_Content_Digest=digest_of(b"other")))
    with pytest.raises(TidegateError) as caught:
        source.resolve("latest")
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH


def test_an_endless_manifest_is_refused(registry: FakeRegistry, source: ImageSource) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.start(200, Connection="close")
        for _ in range(MAX_MANIFEST_BYTES // len(CONTENT) + 2):
            exchange.write(CONTENT)
        exchange.hang_up()

    registry.always("/manifests/", endless)
    with pytest.raises(TidegateError) as caught:
        source.manifest(IMAGE.digest)
    assert caught.value.code is Code.IMAGE_TOO_LARGE


def test_a_manifest_that_drips_is_given_up(registry: FakeRegistry, tmp_path: Path) -> None:
    source = pulling(registry, tmp_path, FakeTime(step=61.0))
    with pytest.raises(TidegateError) as caught:
        source.manifest(IMAGE.digest)
    assert caught.value.code is Code.IMAGE_UNREACHABLE
    assert "longer than 60 s" in caught.value.reason
