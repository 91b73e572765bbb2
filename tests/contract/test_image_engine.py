"""What every image engine promises: the same tests on each."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.fakes.engine import FakeEngine
from tests.support.layouts import ImageBuilder, directory, file
from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.model import ImageStatus, ImageTarget, StageProgress, StageResult
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.layout import LayoutSource
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.ports import ImageEngine


class Place(Protocol):
    """Somewhere with an engine and images for it."""

    engine: ImageEngine

    def image(self, version: str) -> ImageTarget:
        """Make an image that can be staged."""
        ...

    def absent(self) -> ImageTarget:
        """An image that is nowhere."""
        ...


class EmbeddedPlace:
    def __init__(self, folder: Path) -> None:
        self._builder = ImageBuilder(folder / "layout")
        self.engine: ImageEngine = EmbeddedEngine(
            folder / "store", lambda reference: LayoutSource(Path(reference))
        )

    def image(self, version: str) -> ImageTarget:
        self._builder.layer([directory("app"), file("app/shared", b"same in all")])
        self._builder.layer([file("app/version", version.encode())])
        return self._target(self._builder.build(version))

    def absent(self) -> ImageTarget:
        return self._target("sha256:" + "0" * 64)

    def _target(self, digest: str) -> ImageTarget:
        return ImageTarget(digest, (str(self._builder.folder),), "amd64")


class FakePlace:
    def __init__(self, _: Path) -> None:
        self._fake = FakeEngine()
        self.engine: ImageEngine = self._fake

    def image(self, version: str) -> ImageTarget:
        digest = hashlib.sha256(version.encode()).hexdigest()
        return ImageTarget(f"sha256:{digest}", ("registry.example/app",), "amd64")

    def absent(self) -> ImageTarget:
        target = self.image("absent")
        self._fake.missing.add(target.digest)
        return target


PLACES: dict[str, Callable[[Path], Place]] = {"embedded": EmbeddedPlace, "fake": FakePlace}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


def stage(engine: ImageEngine, target: ImageTarget) -> StageResult:
    return engine.stage(target, lambda _: None, lambda: False)


def test_a_new_host_has_no_image(place: Place) -> None:
    assert place.engine.status() == ImageStatus(None, None, None)


def test_staging_changes_only_what_is_staged(place: Place) -> None:
    target = place.image("1")
    result = stage(place.engine, target)
    assert result.digest == target.digest
    assert result.bytes_fetched > 0
    assert place.engine.status() == ImageStatus(current=None, staged=target.digest, previous=None)


def test_progress_rises_to_a_hundred(place: Place) -> None:
    seen: list[StageProgress] = []
    place.engine.stage(place.image("1"), seen.append, lambda: False)
    percents = [step.percent for step in seen]
    assert percents == sorted(set(percents))
    assert percents[0] == 0
    assert percents[-1] == 100
    assert seen[-1].bytes_fetched == seen[-1].bytes_total


def test_staging_again_fetches_nothing(place: Place) -> None:
    target = place.image("1")
    stage(place.engine, target)
    again = stage(place.engine, target)
    assert (again.digest, again.bytes_fetched, again.files_new) == (target.digest, 0, 0)
    assert place.engine.status().staged == target.digest


def test_a_newer_image_takes_the_staged_ones_place(place: Place) -> None:
    first, second = place.image("1"), place.image("2")
    stage(place.engine, first)
    stage(place.engine, second)
    assert place.engine.status() == ImageStatus(current=None, staged=second.digest, previous=None)


def test_an_image_that_is_nowhere_changes_nothing(place: Place) -> None:
    staged = place.image("1")
    stage(place.engine, staged)
    with pytest.raises(TidegateError) as caught:
        stage(place.engine, place.absent())
    assert caught.value.code is Code.IMAGE_NOT_FOUND
    assert place.engine.status().staged == staged.digest


def test_a_cancelled_staging_changes_nothing_and_can_be_made_good(place: Place) -> None:
    target = place.image("1")
    with pytest.raises(Cancelled):
        place.engine.stage(target, lambda _: None, lambda: True)
    assert place.engine.status().staged is None
    assert stage(place.engine, target).digest == target.digest


def test_activating_makes_it_current(place: Place) -> None:
    first, second = place.image("1"), place.image("2")
    for target in (first, second):
        stage(place.engine, target)
        activation = place.engine.activate(target.digest)
        assert activation.reboot_required == place.engine.capabilities().reboots
    assert place.engine.status() == ImageStatus(second.digest, None, first.digest)


def test_activating_again_is_a_no_op(place: Place) -> None:
    first, second = place.image("1"), place.image("2")
    for target in (first, second):
        stage(place.engine, target)
        place.engine.activate(target.digest)
    before = place.engine.status()
    place.engine.activate(second.digest)
    assert place.engine.status() == before


def test_only_what_is_staged_can_be_activated(place: Place) -> None:
    first, second = place.image("1"), place.image("2")
    with pytest.raises(TidegateError) as nothing:
        place.engine.activate(first.digest)
    stage(place.engine, first)
    with pytest.raises(TidegateError) as other:
        place.engine.activate(second.digest)
    assert [nothing.value.code, other.value.code] == [Code.ACTIVATE_REFUSED] * 2
    assert place.engine.status() == ImageStatus(None, first.digest, None)


def test_rolling_back_returns_to_the_previous_image(place: Place) -> None:
    first, second = place.image("1"), place.image("2")
    for target in (first, second):
        stage(place.engine, target)
        place.engine.activate(target.digest)
    place.engine.rollback(first.digest)
    assert place.engine.status() == ImageStatus(first.digest, None, None)


def test_rolling_back_twice_never_returns_to_what_was_left(place: Place) -> None:
    first, second = place.image("1"), place.image("2")
    for target in (first, second):
        stage(place.engine, target)
        place.engine.activate(target.digest)
    place.engine.rollback(first.digest)
    place.engine.rollback(first.digest)
    with pytest.raises(TidegateError) as caught:
        place.engine.rollback(second.digest)
    assert caught.value.code is Code.ROLLBACK_FAILED
    assert place.engine.status().current == first.digest


def test_the_image_left_by_a_rollback_can_be_staged_anew(place: Place) -> None:
    first, second = place.image("1"), place.image("2")
    for target in (first, second):
        stage(place.engine, target)
        place.engine.activate(target.digest)
    place.engine.rollback(first.digest)
    stage(place.engine, second)
    place.engine.activate(second.digest)
    assert place.engine.status() == ImageStatus(second.digest, None, first.digest)


def test_discarding_drops_what_is_staged_and_is_safe_to_repeat(place: Place) -> None:
    first, second = place.image("1"), place.image("2")
    stage(place.engine, first)
    place.engine.activate(first.digest)
    stage(place.engine, second)
    place.engine.discard()
    place.engine.discard()
    assert place.engine.status() == ImageStatus(first.digest, None, None)
    with pytest.raises(TidegateError) as caught:
        place.engine.activate(second.digest)
    assert caught.value.code is Code.ACTIVATE_REFUSED
