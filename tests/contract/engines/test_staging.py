"""What every image engine promises about staging: the same tests on each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.engines.steps import refused, stage, two_versions, update
from tidegate_schemas.codes import Code
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from tests.contract.engines.place import Place
    from tidegate_agent.model import StageProgress


def test_a_new_host_has_nothing_staged_and_nothing_to_go_back_to(place: Place) -> None:
    status = place.engine.status()
    assert (status.staged, status.previous, status.rollback_queued) == (None, None, False)


def test_what_it_can_do_is_told(place: Place) -> None:
    told = place.engine.capabilities()
    assert told.reboots == place.reboots
    assert told == place.again().capabilities()


def test_staging_changes_only_what_is_staged(place: Place) -> None:
    before, target = place.engine.status(), place.image("1")
    result = stage(place.engine, target)
    assert result.digest == target.digest
    assert result.bytes_fetched > 0
    assert place.engine.status() == replace(before, staged=target.digest)


def test_progress_rises_to_a_hundred(place: Place) -> None:
    seen: list[StageProgress] = []
    result = place.engine.stage(place.image("1"), seen.append, lambda: False)
    percents = [step.percent for step in seen]
    assert percents == sorted(set(percents))
    assert percents[0] == 0
    assert percents[-1] == 100
    assert seen[-1].bytes_fetched == seen[-1].bytes_total == result.bytes_fetched
    assert all(step.bytes_fetched <= step.bytes_total for step in seen if step.bytes_total)


def test_staging_again_fetches_nothing(place: Place) -> None:
    target = place.image("1")
    stage(place.engine, target)
    again = stage(place.engine, target)
    assert (again.digest, again.bytes_fetched, again.files_new) == (target.digest, 0, 0)
    assert place.engine.status().staged == target.digest


def test_what_is_shared_with_the_running_image_is_not_fetched_again(place: Place) -> None:
    update(place, place.image("1"))
    second = place.image("2")
    shared = stage(place.engine, second).bytes_fetched
    place.engine.discard()
    assert stage(place.engine, second).bytes_fetched <= shared
    assert stage(place.engine, place.image("3")).bytes_fetched > 0


def test_a_newer_image_takes_the_staged_ones_place(place: Place) -> None:
    before = place.engine.status()
    first, second = place.image("1"), place.image("2")
    stage(place.engine, first)
    stage(place.engine, second)
    assert place.engine.status() == replace(before, staged=second.digest)


def test_staging_and_activating_what_runs_leaves_it_running_and_the_previous_one_there(place: Place) -> None:
    first, second = two_versions(place)
    assert stage(place.engine, place.image("2")).bytes_fetched == 0
    place.engine.activate(second)
    place.boot()
    status = place.engine.status()
    assert (status.current, status.staged, status.previous) == (second, None, first)


def test_an_image_announced_by_its_index_is_spoken_of_by_that_digest(place: Place) -> None:
    first, second = place.index("1"), place.index("2")
    assert stage(place.engine, first).digest == first.digest
    assert place.again().status().staged == first.digest
    place.engine.activate(first.digest)
    place.boot()
    update(place, second)
    status = place.again().status()
    assert (status.current, status.previous) == (second.digest, first.digest)


def test_an_image_that_is_nowhere_changes_nothing(place: Place) -> None:
    staged = place.image("1")
    stage(place.engine, staged)
    assert refused(place, place.absent()) is Code.IMAGE_NOT_FOUND
    assert place.engine.status().staged == staged.digest


def test_a_layer_of_other_bytes_changes_nothing(place: Place) -> None:
    two_versions(place)
    before = place.engine.status()
    assert refused(place, place.corrupt()) is Code.IMAGE_DIGEST_MISMATCH
    assert place.engine.status() == before


def test_a_cancelled_staging_changes_nothing_and_can_be_made_good(place: Place) -> None:
    before, target = place.engine.status(), place.image("1")
    with pytest.raises(Cancelled):
        place.engine.stage(target, lambda _: None, lambda: True)
    assert place.engine.status() == before
    assert stage(place.engine, target).digest == target.digest


def test_a_staging_cancelled_on_its_way_changes_nothing_and_can_be_made_good(place: Place) -> None:
    update(place, place.image("1"))
    before, target = place.engine.status(), place.image("2")
    seen: list[StageProgress] = []
    with pytest.raises(Cancelled):
        place.engine.stage(target, seen.append, lambda: bool(seen))
    assert place.engine.status() == before
    assert stage(place.engine, target).digest == target.digest


def test_a_full_disk_changes_nothing_and_staging_works_when_there_is_space_again(place: Place) -> None:
    update(place, place.image("1"))
    before, target = place.engine.status(), place.image("2")
    with place.full_disk():
        assert refused(place, target) is Code.DISK_FULL
        assert place.again().status() == before
    assert stage(place.engine, target).digest == target.digest
    assert place.engine.status() == replace(before, staged=target.digest)


def test_discarding_drops_what_is_staged_and_is_safe_to_repeat(place: Place) -> None:
    update(place, place.image("1"))
    before, second = place.engine.status(), place.image("2")
    stage(place.engine, second)
    for _ in range(2):
        place.engine.discard()
        assert place.engine.status() == before
    assert stage(place.engine, second).bytes_fetched > 0


def test_discarding_where_nothing_is_staged_changes_nothing(place: Place) -> None:
    before = place.engine.status()
    place.engine.discard()
    assert place.engine.status() == before
