"""What every image engine promises about going back."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.contract.engines.steps import stage, two_versions, update
from tidegate_agent.model import ImageStatus
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tests.contract.engines.place import Place


def test_rolling_back_returns_to_the_previous_image(place: Place) -> None:
    first, second = two_versions(place)
    assert place.engine.rollback(first).reboot_required == place.reboots
    assert place.engine.status().rollback_queued == place.reboots
    place.boot()
    status = place.engine.status()
    assert (status.current, status.staged, status.rollback_queued) == (first, None, False)
    assert status.previous in (None, second)


def test_rolling_back_twice_is_no_toggle(place: Place) -> None:
    first, _ = two_versions(place)
    for _ in range(3):
        assert place.engine.rollback(first).reboot_required == place.reboots
        assert place.again().status() == place.engine.status()
        assert place.engine.status().rollback_queued == place.reboots
    place.boot()
    assert place.engine.status().current == first
    before = place.engine.status()
    for _ in range(2):
        assert not place.engine.rollback(first).reboot_required
        assert place.engine.status() == before
    place.boot()
    assert place.engine.status() == before


def test_rolling_back_to_what_runs_is_a_no_op(place: Place) -> None:
    _, second = two_versions(place)
    before = place.engine.status()
    assert not place.engine.rollback(second).reboot_required
    assert place.engine.status() == before


def test_only_the_previous_image_can_be_gone_back_to(place: Place) -> None:
    two_versions(place)
    before, third = place.engine.status(), place.image("3")
    for step in (lambda: None, lambda: stage(place.engine, third)):
        step()
        with pytest.raises(TidegateError) as caught:
            place.engine.rollback(third.digest)
        assert caught.value.code is Code.ROLLBACK_FAILED
        assert place.engine.status().current == before.current


def test_there_is_nothing_to_go_back_to_on_a_new_host(place: Place) -> None:
    with pytest.raises(TidegateError) as caught:
        place.engine.rollback(place.image("1").digest)
    assert caught.value.code is Code.ROLLBACK_FAILED


def test_the_image_left_by_a_rollback_can_be_staged_anew(place: Place) -> None:
    first, second = two_versions(place)
    place.engine.rollback(first)
    place.boot()
    update(place, place.image("2"))
    assert place.engine.status() == ImageStatus(second, None, first)


def test_rolling_back_takes_back_what_was_activated_and_not_booted(place: Place) -> None:
    if not place.reboots:
        pytest.skip("what was activated runs at once")
    _, second = two_versions(place)
    third = place.image("3")
    stage(place.engine, third)
    place.engine.activate(third.digest)
    assert not place.engine.rollback(second).reboot_required
    place.boot()
    assert place.engine.status().current == second
    update(place, third)
    assert place.engine.status() == ImageStatus(third.digest, None, second)


def test_a_rollback_can_itself_be_taken_back_before_the_boot(place: Place) -> None:
    if not place.reboots:
        pytest.skip("a rollback takes effect at once")
    first, second = two_versions(place)
    place.engine.rollback(first)
    assert not place.engine.rollback(second).reboot_required
    assert not place.engine.status().rollback_queued
    place.boot()
    assert place.engine.status() == ImageStatus(second, None, first)


def test_a_boot_that_fell_back_is_seen_and_made_to_stay(place: Place) -> None:
    """The loader went back by itself, so the bad image is still the next boot's."""
    if not place.reboots:
        pytest.skip("no boot loader has a part in it")
    first, second = place.image("1").digest, place.image("2").digest
    update(place, place.image("1"))
    stage(place.engine, place.image("2"))
    place.engine.activate(second)
    place.boot(falls_back=True)
    assert place.engine.status() == ImageStatus(first, None, second, rollback_queued=True)
    for _ in range(2):
        assert not place.engine.rollback(first).reboot_required
        assert place.again().status() == ImageStatus(first, None, second)
    place.boot()
    assert place.engine.status() == ImageStatus(first, None, second)


def test_after_a_fallback_another_image_can_be_had(place: Place) -> None:
    if not place.reboots:
        pytest.skip("no boot loader has a part in it")
    update(place, place.image("1"))
    stage(place.engine, place.image("2"))
    place.engine.activate(place.image("2").digest)
    place.boot(falls_back=True)
    place.engine.rollback(place.image("1").digest)
    update(place, place.image("3"))
    status = place.engine.status()
    assert (status.current, status.previous) == (place.image("3").digest, place.image("1").digest)


def test_the_fallback_command_needs_no_agent(place: Place) -> None:
    command = place.engine.capabilities().fallback
    if not command:
        pytest.skip("this engine has none")
    first, _ = two_versions(place)
    # A guard whose reboot failed tries it again.
    for _ in range(2):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    place.boot()
    assert place.engine.status().current == first
