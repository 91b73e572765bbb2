"""A staging that takes too long ends, gives the host's other updates their turn, and is taken up again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.layouts import file
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.engines.images.meter import Meter
from tidegate_agent.engines.images.pull import Puller
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.layout import LayoutSource
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.unit.agent.embedded.conftest import Site
    from tidegate_wire.registry.descriptor import Descriptor

PIECE = 1000


class Drip:
    """A registry that delivers one piece each minute, on a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.opened: list[str] = []
        self._layout = LayoutSource(folder)

    def open(self, reference: str) -> Drip:
        self.opened.append(reference)
        return self

    def resolve(self, tag: str) -> str:
        return self._layout.resolve(tag)

    def manifest(self, digest: str) -> bytes:
        return self._layout.manifest(digest)

    def referrers(self, digest: str, artifact_type: str) -> tuple[Descriptor, ...]:
        return self._layout.referrers(digest, artifact_type)

    def open_blob(self, blob: Descriptor, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        return self._drip(blob, offset)

    @contextmanager
    def _drip(self, blob: Descriptor, offset: int) -> Iterator[Iterator[bytes]]:
        with self._layout.open_blob(blob, offset) as chunks:
            yield self._pieces(b"".join(chunks))

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), PIECE):
            self.now += 60
            yield data[start : start + PIECE]


def test_a_registry_that_drips_is_left_when_the_time_is_up(site: Site, tmp_path: Path) -> None:
    digest = site.builder.layer([file("noise", bytes(100_000))], compression="none").build()
    drip = Drip(site.builder.folder)
    meter = Meter(lambda _: None, lambda: False, deadline=600, clock=lambda: drip.now)
    target = site.target(digest, "one", "two")
    puller = Puller(target, drip.open, tmp_path, meter)
    layer = puller.image(Limits()).layers[0].blob
    with pytest.raises(EngineError, match=r"not done in 600 s") as caught:
        puller.fetch(layer)
    assert caught.value.code is Code.IMAGE_UNREACHABLE
    assert caught.value.retryable
    assert drip.now == 600
    assert drip.opened == ["one"]
    partial = tmp_path / f"{layer.digest.removeprefix('sha256:')}.partial"
    assert 5 * PIECE < partial.stat().st_size < 10 * PIECE


def test_what_was_fetched_before_the_time_was_up_is_not_fetched_again(site: Site) -> None:
    digest = site.builder.layer([file(f"{n}", b"x") for n in range(50)]).build()
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 20

    with pytest.raises(Cancelled):
        site.engine().stage(site.target(digest), lambda _: None, cancelled)
    with pytest.raises(TidegateError) as caught:
        site.stage(digest, Limits(deadline=0))
    assert caught.value.code is Code.IMAGE_UNREACHABLE
    assert site.engine().status().staged is None
    assert site.stage(digest).bytes_fetched == site.builder.document(digest)["config"]["size"]


def test_who_cancels_is_heard_also_when_the_time_is_up() -> None:
    meter = Meter(lambda _: None, lambda: True, deadline=0)
    assert meter.cancelled()
    with pytest.raises(Cancelled):
        meter.check()
