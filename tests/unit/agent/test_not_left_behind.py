"""What may pass leaves no host on an unproven image, and gives up on no good one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.guard import FakeBootGuard
from tests.fakes.health import HEALTHY, SICK
from tests.support.rig import FOLLOW, Rig
from tests.support.statements import NOON, digest_of
from tests.support.updates import LATER_BOOT, NEW, NEWER, OLD, an_update
from tidegate_agent import machine
from tidegate_agent.errors import EngineError
from tidegate_agent.machine.rules import Rules
from tidegate_agent.manners import Manners
from tidegate_agent.model import Failure, ImageStatus
from tidegate_agent.records import Change
from tidegate_agent.update.commands import Discard, Reboot
from tidegate_agent.update.events import Restarted
from tidegate_agent.update.states import Outcome, Proving, Rebooting, Settled, Staged, Staging, Waiting
from tidegate_agent.windows import Schedule
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

LONG = timedelta(hours=2)
BUSY = EngineError(Code.ENGINE_BUSY, "a transaction is in progress", retryable=True)
TRIES = Rules().stage_attempts
CLOSED = Manners(Schedule(), approval_required=True)


def sick(rig: Rig) -> Rig:
    """An image came up that is not healthy: its checks are about to say so for the last time."""
    rig.health.answers = [SICK]
    rig.announce(NEW)
    rig.restart(boot=True)
    return rig


@pytest.mark.parametrize("times", [1, TRIES])
def test_a_busy_engine_does_not_keep_a_host_on_a_bad_image(times: int) -> None:
    rig = Rig(reboots=True)
    rig.image.fail("rollback", *[BUSY] * times)
    sick(rig)
    for _ in range(12):
        rig.advance(LONG)
    assert rig.host.reboots[-1] == "return to the previous image"
    rig.restart(boot=True)
    assert rig.image.status() == ImageStatus(OLD, None, NEW)
    assert rig.steps()[-1] is Step.ROLLED_BACK


def test_an_engine_that_is_busy_for_ever_ends_the_way_back() -> None:
    rig = Rig(reboots=True)
    rig.image.fail("rollback", *[BUSY] * 99)
    sick(rig)
    for _ in range(24):
        rig.advance(LONG)
    assert rig.image.calls.count(f"rollback {OLD}") == TRIES + 1
    assert (rig.steps()[-1], rig.events()[-1].data.code) == (Step.FAILED, Code.ROLLBACK_FAILED)


def test_a_way_back_that_cannot_work_is_not_tried_again() -> None:
    rig = Rig(reboots=True)
    rig.image.fail("rollback", EngineError(Code.ROLLBACK_FAILED, "there is no such deployment"))
    sick(rig)
    for _ in range(3):
        rig.advance(LONG)
    assert rig.image.calls.count(f"rollback {OLD}") == 1
    assert rig.steps()[-1] is Step.FAILED


@pytest.mark.parametrize("refusals", [1, 3])
def test_a_refused_reboot_does_not_keep_a_host_on_a_bad_image(refusals: int) -> None:
    rig = sick(Rig(reboots=True))
    rig.host.refusal = "a backup is running"
    for _ in range(refusals + 1):
        rig.advance(timedelta(minutes=2))
    rig.host.refusal = None
    rig.advance(LONG)
    assert rig.host.reboots[-1] == "return to the previous image"
    rig.restart(boot=True)
    assert rig.steps()[-1] is Step.ROLLED_BACK


def test_a_way_back_that_waits_for_its_next_try_goes_on_at_once_after_a_restart() -> None:
    rig = Rig(reboots=True)
    rig.image.fail("rollback", BUSY)
    sick(rig)
    rig.advance(timedelta(seconds=15))
    rig.advance(timedelta(seconds=15))
    assert rig.image.calls.count(f"rollback {OLD}") == 1
    rig.restart()
    assert rig.host.reboots[-1] == "return to the previous image"


def test_refused_reboots_do_not_count_against_an_image() -> None:
    """A power cut is lost boot number one, however often the reboot was refused before."""
    rig = Rig(reboots=True)
    rig.host.refusal = "a backup is running"
    rig.announce(NEW)
    rig.advance(LONG)
    rig.host.refusal = None
    rig.advance(LONG)
    assert rig.host.reboots == ["update to 1.0"]
    rig.image.reboot(power_cut=True)
    rig.host.boot()
    rig.restart()
    rig.advance(LONG)
    assert rig.journal.quarantined(FOLLOW) == {}
    rig.restart(boot=True)
    assert (rig.image.status().current, rig.steps()[-1]) == (NEW, Step.SUCCEEDED)


def test_a_quarantined_image_is_not_called_good_because_it_runs() -> None:
    rig = Rig(reboots=True)
    rig.image.fail("rollback", EngineError(Code.ROLLBACK_FAILED, "there is no such deployment"))
    sick(rig)
    for _ in range(3):
        rig.advance(LONG)
    rig.image.missing.add(NEWER)
    rig.announce(NEWER, sequence=2)
    rig.announce(NEW, sequence=3)
    assert rig.image.status().current == NEW
    assert Step.SUCCEEDED not in rig.steps()
    assert (rig.steps()[-1], rig.events()[-1].data.code) == (Step.REJECTED, Code.IMAGE_QUARANTINED)


def test_a_soft_reboot_that_brought_nothing_is_followed_by_one_that_counts() -> None:
    """Where systemd does not count soft reboots, the boot's id stays: else they would go on for ever."""
    update = an_update(reboots=1)
    restarted = Restarted(ImageStatus(OLD, NEW, None), update.boot_id)
    again = machine.step(Rebooting(update, soft=True), restarted, NOON, Rules())
    assert again.commands[-1] == Reboot("update to 1.0", soft=False)
    assert again.state == Rebooting(update, soft=False)


def test_what_is_given_up_is_not_left_to_come_up_at_a_later_boot() -> None:
    still_there = Restarted(ImageStatus(OLD, NEW, None), LATER_BOOT)
    given_up = machine.step(Rebooting(an_update(reboots=2)), still_there, NOON, Rules())
    assert Discard() in given_up.commands


# The boot guard


class Stuck(FakeBootGuard):
    """Cannot be stood down, and would go off later."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.method = method
        self.times = 2

    def disarm(self) -> None:
        self._fault("disarm")
        super().disarm()

    def fired(self) -> Failure | None:
        self._fault("fired")
        return super().fired()

    def _fault(self, method: str) -> None:
        if self.armed and method == self.method and self.times:
            self.times -= 1
            raise EngineError(Code.ACTIVATE_FAILED, "read-only file system", retryable=True)


def test_nothing_is_called_good_whose_guard_may_still_go_off() -> None:
    rig = Rig(reboots=True)
    rig.guard = Stuck("disarm")
    rig.restart()
    rig.announce(NEW)
    rig.restart(boot=True)
    assert (rig.steps()[-1], rig.guard.armed is not None) == (Step.PROVING, True)
    for _ in range(3):
        rig.advance(timedelta(seconds=15))
    assert (rig.steps()[-1], rig.guard.armed) == (Step.SUCCEEDED, None)


def test_the_guards_word_on_another_image_is_no_word_on_this_one() -> None:
    """Its verdict stays while the host does: a release that is activated after that is not to blame."""
    rig = Rig(reboots=True)
    rig.health.answers = [HEALTHY]
    rig.announce(NEWER)
    rig.image.reboot(power_cut=True)
    rig.guard.went_off = Failure(Code.BOOT_DEADLINE, "no word from the agent", {"digest": NEW})
    rig.host.boot()
    rig.restart()
    assert rig.journal.quarantined(FOLLOW) == {}
    about = Failure(Code.BOOT_DEADLINE, "no word from the agent", {"digest": NEWER})
    rig.guard.went_off = about
    rig.restart()
    assert set(rig.journal.quarantined(FOLLOW)) == {NEWER}


@pytest.mark.parametrize("state", [Waiting, Staging, Staged])
def test_the_way_back_leads_to_what_ran_last_also_where_a_person_changed_it(state: type) -> None:
    """Somebody goes back by hand while an update waits for its window: its own way back leads there, too."""
    by_hand = Restarted(ImageStatus(OLD, None, NEWER), LATER_BOOT)
    begun = an_update(previous=NEWER)
    went_on = machine.step(state(begun), by_hand, NOON, Rules()).state
    assert isinstance(went_on, Waiting | Staging)
    assert (went_on.update.previous, went_on.update.beside) == (OLD, NEWER)


@pytest.mark.parametrize(("current", "state"), [(None, Waiting), (NEW, Proving)])
def test_what_is_unknown_and_the_target_itself_are_nothing_to_go_back_to(
    current: str | None, state: type[Waiting | Proving]
) -> None:
    restarted = Restarted(ImageStatus(current, None, None), LATER_BOOT)
    went_on = machine.step(Waiting(an_update()), restarted, NOON, Rules()).state
    assert isinstance(went_on, state)
    assert (went_on.update.previous, went_on.update.boot_id) == (OLD, LATER_BOOT)


def test_what_could_not_be_discarded_is_discarded_later() -> None:
    """Its activation was called off, and the tool was busy: a later boot would bring it up unwatched."""
    rig = Rig(reboots=True)
    rig.host.refusal = "a backup is running"
    rig.image.fail("discard", *[BUSY] * 3)
    rig.announce(NEW)
    rig.announce(OLD, sequence=2)
    assert (rig.image.status().staged, rig.status().follows[0].state) == (NEW, "succeeded")
    for _ in range(4):
        rig.advance(timedelta(hours=1))
    assert rig.image.status() == ImageStatus(OLD, None, None)
    calls = list(rig.image.calls)
    rig.advance(timedelta(days=1))
    assert rig.image.calls == calls


def test_what_took_its_place_is_not_discarded_for_it() -> None:
    rig = Rig(reboots=True)
    rig.host.refusal = "a backup is running"
    rig.image.fail("discard", *[BUSY] * 2)
    rig.announce(NEW)
    rig.host.refusal = None
    rig.announce(NEWER, sequence=2)
    rig.advance(timedelta(minutes=10))
    assert (rig.image.status().staged, rig.host.reboots) == (NEWER, ["update to 1.0"])


def test_what_could_not_be_discarded_is_discarded_at_the_next_start_too() -> None:
    rig = Rig(reboots=True)
    rig.host.refusal = "a backup is running"
    rig.image.fail("discard", BUSY)
    rig.announce(NEW)
    rig.announce(OLD, sequence=2)
    rig.restart()
    assert rig.image.status() == ImageStatus(OLD, None, None)


def test_what_was_half_discarded_when_the_agent_was_killed_is_discarded_at_the_next_start() -> None:
    rig = Rig(manners=CLOSED)
    rig.announce(NEW)
    assert rig.ask("cancel")["ok"]
    # Nothing is staged any more, and part of what it needed is still there.
    rig.image.disk.fetched = {NEW: 500}
    rig.restart()
    assert rig.image.disk.fetched == {}


def test_another_image_that_the_engine_staged_is_discarded_at_the_next_start() -> None:
    rig = Rig()
    digest = digest_of("d")
    failure = Failure(Code.IMAGE_DIGEST_MISMATCH, "the engine staged another one", {"staged": digest})
    settled = Settled(an_update(), Outcome.FAILED, failure)
    rig.journal.commit(Change(FOLLOW, state=settled))
    rig.image.disk.status = ImageStatus(OLD, digest, None)
    rig.restart()
    assert rig.image.status().staged is None


def test_what_a_person_fetches_for_themselves_stays() -> None:
    rig = Rig()
    rig.announce(NEW)
    rig.image.disk.fetched = {NEWER: 500}
    rig.restart()
    assert rig.image.disk.fetched == {NEWER: 500}


def test_what_a_person_staged_stays() -> None:
    rig = Rig(reboots=True)
    rig.announce(OLD)
    by_hand = ImageStatus(OLD, NEWER, None)
    rig.image.disk.status = by_hand
    rig.restart()
    assert rig.image.status() == by_hand
