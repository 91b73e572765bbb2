"""What every image engine promises about making an image the running one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.engines.steps import stage, two_versions, update
from tidegate_agent.model import ImageStatus
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tests.contract.engines.place import Place


def test_activating_makes_it_current(place: Place) -> None:
    first, second = place.image("1"), place.image("2")
    for target in (first, second):
        stage(place.engine, target)
        assert place.engine.activate(target.digest).reboot_required == place.reboots
        place.boot()
    assert place.engine.status() == ImageStatus(second.digest, None, first.digest)


def test_before_the_boot_the_old_image_runs(place: Place) -> None:
    update(place, place.image("1"))
    before, second = place.engine.status(), place.image("2")
    stage(place.engine, second)
    place.engine.activate(second.digest)
    if place.reboots:
        assert place.engine.status() == replace(before, staged=second.digest)
    else:
        assert place.engine.status() == ImageStatus(second.digest, None, before.current)


def test_activating_again_is_a_no_op(place: Place) -> None:
    update(place, place.image("1"))
    second = place.image("2")
    stage(place.engine, second)
    place.engine.activate(second.digest)
    before = place.engine.status()
    assert place.engine.activate(second.digest).reboot_required == place.reboots
    assert place.engine.status() == before
    place.boot()
    assert place.engine.status().current == second.digest


def test_activating_what_runs_is_a_no_op(place: Place) -> None:
    _, second = two_versions(place)
    before = place.engine.status()
    assert not place.engine.activate(second).reboot_required
    assert place.engine.status() == before


def test_only_what_is_staged_can_be_activated(place: Place) -> None:
    before, first, second = place.engine.status(), place.image("1"), place.image("2")
    with pytest.raises(TidegateError) as nothing:
        place.engine.activate(first.digest)
    stage(place.engine, first)
    with pytest.raises(TidegateError) as other:
        place.engine.activate(second.digest)
    assert [nothing.value.code, other.value.code] == [Code.ACTIVATE_REFUSED] * 2
    assert place.engine.status() == replace(before, staged=first.digest)


def test_what_was_discarded_cannot_be_activated(place: Place) -> None:
    target = place.image("1")
    stage(place.engine, target)
    place.engine.discard()
    with pytest.raises(TidegateError) as caught:
        place.engine.activate(target.digest)
    assert caught.value.code is Code.ACTIVATE_REFUSED


def test_what_was_only_staged_is_never_booted(place: Place) -> None:
    update(place, place.image("1"))
    before, second = place.engine.status(), place.image("2")
    stage(place.engine, second)
    place.boot()
    assert place.engine.status().current == before.current
    update(place, second)
    assert place.engine.status() == ImageStatus(second.digest, None, before.current)


def test_discarding_takes_back_what_was_activated_and_not_booted(place: Place) -> None:
    if not place.reboots:
        pytest.skip("what was activated runs at once")
    update(place, place.image("1"))
    before, second = place.engine.status(), place.image("2")
    stage(place.engine, second)
    place.engine.activate(second.digest)
    place.engine.discard()
    place.boot()
    assert place.engine.status() == before


def test_a_newer_image_that_was_only_staged_is_not_booted_in_an_older_ones_place(place: Place) -> None:
    update(place, place.image("1"))
    second, third = place.image("2"), place.image("3")
    stage(place.engine, second)
    place.engine.activate(second.digest)
    stage(place.engine, third)
    place.boot()
    assert place.engine.status().current in (place.image("1").digest, second.digest)
    update(place, third)
    assert place.engine.status().current == third.digest


def test_a_second_instance_sees_the_same_truth(place: Place) -> None:
    two_versions(place)
    third = place.image("3")
    stage(place.engine, third)
    assert place.again().status() == place.engine.status()
    place.again().activate(third.digest)
    assert place.engine.status() == place.again().status()
    place.boot()
    assert place.again().status() == place.engine.status()
    assert place.engine.status().current == third.digest
