"""A fake registry with one image and one large blob, and a source that pulls from it in fake time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.pacing import FakeTime
from tests.fakes.registry import FakeRegistry, answering, fake_registry
from tests.support.pulling import BLOB, CONTENT, IMAGE, pulling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_wire.registry.source import ImageSource


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry() as running:
        running.add(IMAGE.manifest, {**IMAGE.blobs, BLOB.digest: CONTENT})
        yield running


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def source(registry: FakeRegistry, tmp_path: Path, time: FakeTime) -> ImageSource:
    return pulling(registry, tmp_path, time)


@pytest.fixture
def realm() -> Iterator[FakeRegistry]:
    """A token server."""
    with fake_registry() as running:
        running.always("/token", answering(200, b'{"token": "t1", "expires_in": 300}'))
        yield running
