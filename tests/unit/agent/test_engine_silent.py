"""The agent on fakes, where the image engine does not say what runs: its tool is missing, or garbled."""

from __future__ import annotations

from datetime import timedelta

from tests.fakes.journal import FakeJournal
from tests.support.rig import Rig
from tests.support.updates import NEW, OLD
from tidegate_agent.errors import EngineError
from tidegate_agent.model import Failure, ImageStatus
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

GARBLED = EngineError(Code.ENGINE_OUTPUT, "`bootc status` answered <html>")
LONG = timedelta(hours=1)


def silent(rig: Rig, *, boot: bool = False) -> None:
    """Start the agent anew, and let its engine say nothing."""
    rig.image.fail("status", *[GARBLED] * 100)
    rig.restart(boot=boot)
    rig.settle()


def test_the_agent_starts_and_is_heard_of_while_its_engine_is_silent() -> None:
    rig = Rig()
    silent(rig)
    assert rig.status().presence == "online"


def test_nothing_is_begun_without_the_engines_truth_and_all_of_it_with() -> None:
    rig = Rig()
    silent(rig)
    rig.announce(NEW)
    rig.advance(LONG)
    assert rig.image.calls == []
    assert [event.data.code for event in rig.events()][-1] == Code.ENGINE_OUTPUT
    rig.image.recover()
    rig.advance(LONG)
    assert rig.image.status() == ImageStatus(NEW, None, OLD)
    assert rig.steps()[-1] is Step.SUCCEEDED


def test_past_activation_the_agent_waits_for_the_engines_truth() -> None:
    rig = Rig(reboots=True)
    rig.announce(NEW)
    assert rig.host.reboots == ["update to 1.0"]
    silent(rig, boot=True)
    rig.advance(LONG)
    assert Step.PROVING not in rig.steps()
    assert rig.host.reboots == ["update to 1.0"]
    rig.image.recover()
    rig.advance(LONG)
    assert rig.steps()[-2:] == [Step.PROVING, Step.SUCCEEDED]


def test_a_guard_that_fired_is_the_reason_that_is_told() -> None:
    rig = Rig(journal=FakeJournal(), reboots=True)
    rig.announce(NEW)
    assert rig.guard.armed is not None
    rig.guard.went_off = Failure(Code.BOOT_DEADLINE, "no word from the agent for 15 minutes")
    rig.image.reboot(ImageStatus(OLD, None, NEW))
    rig.host.boot()
    rig.restart()
    rig.settle()
    last = rig.events()[-1].data
    assert (last.step, last.code) == (Step.ROLLED_BACK, Code.BOOT_DEADLINE)
    assert rig.guard.armed is None
