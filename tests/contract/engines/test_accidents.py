"""What every image engine promises when it is killed, loses power, or is not alone."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.engines.steps import stage, two_versions, update
from tidegate_agent.model import ImageStatus
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tests.contract.engines.place import Place
    from tidegate_agent.model import StageResult

DEADLINE_S = 60.0


def test_a_killed_staging_changes_nothing_and_is_completed_by_the_next_instance(place: Place) -> None:
    update(place, place.image("1"))
    before, second = place.engine.status(), place.image("2")
    place.kill_while_staging(second)
    engine = place.again()
    assert engine.status() == before
    assert stage(engine, second).digest == second.digest
    assert engine.status() == replace(before, staged=second.digest)
    engine.activate(second.digest)
    place.boot()
    assert engine.status() == ImageStatus(second.digest, None, before.current)


def test_what_a_killed_staging_fetched_is_not_fetched_again(place: Place) -> None:
    if not place.resumes:
        pytest.skip("this engine cannot tell")
    target = place.image("1")
    place.kill_while_staging(target)
    rest = stage(place.engine, target).bytes_fetched
    place.engine.discard()
    assert rest < stage(place.engine, target).bytes_fetched


def test_another_image_can_be_staged_after_a_killed_staging(place: Place) -> None:
    place.kill_while_staging(place.image("1"))
    second = place.image("2")
    assert stage(place.engine, second).digest == second.digest
    assert place.again().status().staged == second.digest


def test_what_a_killed_staging_left_can_be_discarded(place: Place) -> None:
    update(place, place.image("1"))
    before = place.engine.status()
    place.kill_while_staging(place.image("2"))
    place.engine.discard()
    assert place.again().status() == before


def test_a_power_cut_while_staged_leaves_the_old_image(place: Place) -> None:
    update(place, place.image("1"))
    before, second = place.engine.status(), place.image("2")
    stage(place.engine, second)
    place.boot(power_cut=True)
    after = place.again().status()
    assert after.staged in (None, second.digest)
    assert replace(after, staged=None) == before
    update(place, second)
    assert place.engine.status() == ImageStatus(second.digest, None, before.current)


def test_a_power_cut_after_the_activation_leaves_the_old_or_the_new_image(place: Place) -> None:
    update(place, place.image("1"))
    first, second = place.image("1").digest, place.image("2").digest
    stage(place.engine, place.image("2"))
    place.engine.activate(second)
    place.boot(power_cut=True)
    after = place.again().status()
    assert after.current in (first, second)
    assert not after.rollback_queued
    if after.current == first:
        update(place, place.image("2"))
    assert place.engine.status() == ImageStatus(second, None, first)


def test_a_power_cut_after_a_rollback_leaves_one_image_or_the_other(place: Place) -> None:
    first, second = two_versions(place)
    place.engine.rollback(first)
    place.boot(power_cut=True)
    assert place.engine.status().current in (first, second)
    if place.engine.rollback(first).reboot_required:
        place.boot()
    assert place.engine.status().current == first


def test_two_instances_at_once_do_no_damage(place: Place) -> None:
    update(place, place.image("1"))
    targets = (place.image("2"), place.image("3"))
    engines, begun = (place.again(), place.again()), threading.Event()
    results: list[StageResult] = []
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            if number:
                begun.wait(DEADLINE_S)
            results.append(engines[number].stage(targets[number], lambda _: begun.set(), lambda: False))
        except Exception as error:  # noqa: BLE001 - it is looked at in the test's own thread
            errors.append(error)
        finally:
            begun.set()

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert not any(thread.is_alive() for thread in threads)
    assert results, errors
    for error in errors:
        assert isinstance(error, TidegateError), error
        assert error.code in (Code.ENGINE_BUSY, Code.STAGE_FAILED)
    status = place.again().status()
    assert status.current == place.image("1").digest
    assert status.staged in [result.digest for result in results]
    update(place, targets[1])
    assert place.engine.status() == ImageStatus(targets[1].digest, None, status.current)


def test_after_many_updates_the_one_before_is_the_previous(place: Place) -> None:
    for number in range(4):
        update(place, place.image(f"{number}"))
    third, second = place.image("3").digest, place.image("2").digest
    assert place.engine.status() == ImageStatus(third, None, second)
