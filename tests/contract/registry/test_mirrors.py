"""Registries that are busy, mirrors that stand in, and mirrors that lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import FakeRegistry, answering, dropping_after, fake_registry
from tests.support.images import noise
from tests.support.pulling import CONTENT, IMAGE, fetch, mirror_of, pulling
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.pacing import FakeTime
    from tidegate_wire.registry.source import ImageSource


@pytest.mark.parametrize(
    ("headers", "slept"),
    [
        ({}, 1.0),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "86400"}, 60.0),
        ({"Retry-After": "soon"}, 1.0),
        ({"Retry-After": "Thu, 01 Jan 2099 00:00:00 GMT"}, 60.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_registry_is_given_the_time_it_asks_for(
    registry: FakeRegistry,
    source: ImageSource,
    time: FakeTime,
    status: int,
    headers: dict[str, str],
    slept: float,
) -> None:
    registry.once("/manifests/", answering(status, **headers))
    assert source.resolve("latest") == IMAGE.digest
    assert time.slept == [slept]


def test_mirrors_are_asked_in_order_and_the_primary_last(
    registry: FakeRegistry, tmp_path: Path, time: FakeTime
) -> None:
    with fake_registry() as empty, fake_registry() as full:
        full.add(IMAGE.manifest, IMAGE.blobs)
        source = pulling(registry, tmp_path, time, mirror_of(empty) + mirror_of(full))
        assert source.manifest(IMAGE.digest) == IMAGE.manifest
        assert len(empty.requests("/manifests/")) == len(full.requests("/manifests/")) == 1
        assert registry.requests("/manifests/") == []
    assert source.manifest(IMAGE.digest) == IMAGE.manifest
    assert len(registry.requests("/manifests/")) == 1


def test_a_lying_mirror_does_not_stand_in_the_way(
    registry: FakeRegistry, tmp_path: Path, time: FakeTime, store: Path
) -> None:
    with fake_registry() as mirror:
        mirror.always("/manifests/", answering(200, b"{}"))
        mirror.always("/blobs/", answering(200, noise(600_000, seed=2)))
        source = pulling(registry, tmp_path, time, mirror_of(mirror))
        assert source.manifest(IMAGE.digest) == IMAGE.manifest
        assert fetch(source, store) == CONTENT
        assert len(mirror.requests("/blobs/")) == 1


def test_the_primarys_refusal_is_the_one_that_counts(
    registry: FakeRegistry, tmp_path: Path, time: FakeTime
) -> None:
    with fake_registry() as mirror:
        registry.always("/manifests/", answering(403))
        source = pulling(registry, tmp_path, time, mirror_of(mirror))
        with pytest.raises(TidegateError) as caught:
            source.resolve("latest")
    assert caught.value.code is Code.IMAGE_UNAUTHORIZED


def test_another_server_goes_on_where_one_broke_off(
    registry: FakeRegistry, tmp_path: Path, time: FakeTime, store: Path
) -> None:
    with fake_registry() as mirror:
        mirror.always("/blobs/", dropping_after(200_000, CONTENT))
        source = pulling(registry, tmp_path, time, mirror_of(mirror))
        assert fetch(source, store) == CONTENT
        assert [seen.headers.get("Range") for seen in mirror.requests("/blobs/")] == [None]
    assert [seen.headers.get("Range") for seen in registry.requests("/blobs/")] == ["bytes=200000-599999"]
