"""The fleet's lock around an activation: asked for last, kept over the reboot, given back in the end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.health import SICK
from tests.fakes.reboot_lock import FakeRebootLock, FakeSlots
from tests.support.rig import FOLLOW, Rig
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.errors import EngineError
from tidegate_agent.fleet_slot import RETRY_FIRST, RETRY_LONGEST
from tidegate_agent.manners import Manners
from tidegate_agent.model import Follow, ImageStatus
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER = "another host"
NOW_OPEN = Manners(Schedule((Window("0 12 * * *", timedelta(hours=1), ZoneInfo("UTC")),)))
"""The rig's clock starts with it."""


class Fleet:
    """A host, and the slot that it shares with others."""

    def __init__(self, *, manners: Manners | None = None, reboots: bool = True) -> None:
        self.slots = FakeSlots()
        self.lock = FakeRebootLock(self.slots)
        self.rig = Rig(reboots=reboots, manners=manners, lock=self.lock)

    @property
    def held(self) -> bool:
        return "this host" in self.slots.holders

    @property
    def waits_for(self) -> str | None:
        return self.rig.status().follows[0].waiting_for

    @property
    def state(self) -> str:
        return self.rig.status().follows[0].state


def test_at_each_start_of_a_host_at_rest_its_slot_is_given_back() -> None:
    fleet = Fleet()
    assert fleet.lock.calls == ["release"]
    fleet.slots.holders.add("this host")
    fleet.rig.restart()
    assert not fleet.held
    fleet.rig.advance(timedelta(days=1))
    assert fleet.lock.calls == ["release", "release"]


def test_a_slot_is_held_from_before_activation_to_after_the_proof() -> None:
    fleet = Fleet()
    fleet.rig.announce(NEW)
    assert (fleet.state, fleet.held) == ("rebooting", True)
    fleet.rig.restart(boot=True)
    assert fleet.state == "succeeded"
    assert not fleet.held
    assert fleet.lock.calls == ["release", "acquire", "release"]


def test_it_is_kept_while_the_host_is_down_and_while_it_proves_itself() -> None:
    fleet = Fleet()
    fleet.rig.health.answers = [SICK, *fleet.rig.health.answers]
    fleet.rig.announce(NEW)
    fleet.rig.restart()
    assert fleet.held
    fleet.rig.restart(boot=True)
    assert (fleet.state, fleet.held) == ("proving", True)
    fleet.rig.advance(timedelta(seconds=10))
    assert (fleet.state, fleet.held) == ("succeeded", False)


def test_it_is_kept_through_a_rollback_and_given_back_after_it() -> None:
    fleet = Fleet()
    fleet.rig.health.answers = [SICK]
    fleet.rig.announce(NEW)
    fleet.rig.restart(boot=True)
    for _ in range(2):
        fleet.rig.advance(timedelta(seconds=10))
    assert (fleet.state, fleet.held) == ("rolling-back", True)
    fleet.rig.restart(boot=True)
    assert (fleet.state, fleet.held) == ("rolled-back", False)


def test_what_is_not_granted_is_waited_for_in_the_lock_s_words_and_asked_for_again() -> None:
    fleet = Fleet()
    fleet.slots.holders = {OTHER}
    fleet.rig.announce(NEW)
    follow = fleet.rig.status().follows[0]
    assert (follow.state, follow.waiting_for, follow.reason) == ("staged", "lock", "all slots are taken")
    assert fleet.rig.image.status().current == OLD
    asked = fleet.lock.calls.count("acquire")
    fleet.rig.advance(timedelta(minutes=5))
    assert asked < fleet.lock.calls.count("acquire") <= asked + 5
    assert fleet.rig.steps().count(Step.WAITING) == 1
    fleet.slots.holders.clear()
    fleet.rig.advance(timedelta(minutes=1))
    assert (fleet.state, fleet.held) == ("rebooting", True)


def test_nobody_asks_for_the_lock_before_all_else_agrees() -> None:
    manners = Manners(Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),)))
    fleet = Fleet(manners=manners)
    fleet.rig.announce(NEW)
    assert fleet.waits_for == "window"
    fleet.rig.host.holds = ("a backup runs",)
    fleet.rig.advance(timedelta(hours=14))
    assert fleet.waits_for == "inhibitor"
    assert "acquire" not in fleet.lock.calls
    fleet.rig.host.holds = ()
    fleet.rig.advance(timedelta(minutes=1))
    assert fleet.lock.calls.count("acquire") == 1


class SlowLock(FakeRebootLock):
    """A server that takes its time: something happens while it is asked."""

    def __init__(self, slots: FakeSlots) -> None:
        super().__init__(slots)
        self.meanwhile: Callable[[], object] = lambda: None

    def acquire(self) -> str | None:
        """See the port."""
        granted = super().acquire()
        happens, self.meanwhile = self.meanwhile, lambda: None
        happens()
        return granted


def slow(manners: Manners | None = None) -> tuple[Rig, SlowLock, FakeSlots]:
    slots = FakeSlots()
    lock = SlowLock(slots)
    return Rig(reboots=True, manners=manners, lock=lock), lock, slots


def test_a_window_that_closes_while_the_lock_is_asked_for_gives_the_slot_back() -> None:
    rig, lock, slots = slow(NOW_OPEN)
    lock.meanwhile = lambda: rig.clock.advance(timedelta(minutes=56))
    rig.announce(NEW)
    assert lock.calls == ["release", "acquire", "release"]
    assert rig.status().follows[0].waiting_for == "window"
    assert slots.holders == set()
    assert rig.image.status().current == OLD


def test_a_hold_that_comes_while_the_lock_is_asked_for_gives_the_slot_back() -> None:
    rig, lock, slots = slow()
    lock.meanwhile = lambda: setattr(rig.host, "holds", ("somebody was faster",))
    rig.announce(NEW)
    assert (rig.status().follows[0].waiting_for, slots.holders) == ("inhibitor", set())


def test_an_update_that_is_cancelled_or_superseded_gives_the_slot_back() -> None:
    rig, lock, slots = slow()
    lock.meanwhile = lambda: rig.announce(NEWER, sequence=2, settle=False)
    rig.announce(NEW)
    assert rig.status().follows[0].target == NEWER
    assert slots.holders == {"this host"}
    rig, lock, slots = slow()
    slots.holders = {OTHER}
    rig.announce(NEW)
    assert rig.ask("cancel")["ok"]
    assert lock.calls[-1] == "release"


def test_a_grant_whose_answer_was_lost_is_given_back_too() -> None:
    """Nobody knows whether the server granted it, so it counts as held."""
    fleet = Fleet()
    fleet.slots.away = True
    fleet.rig.announce(NEW)
    assert fleet.waits_for == "lock"
    fleet.slots.holders.add("this host")
    fleet.slots.away = False
    fleet.rig.host.holds = ("a backup runs",)
    fleet.rig.advance(timedelta(minutes=1))
    assert (fleet.waits_for, fleet.held) == ("inhibitor", False)


def test_giving_back_is_tried_until_the_server_has_it() -> None:
    fleet = Fleet()
    fleet.rig.announce(NEW)
    fleet.slots.away = True
    fleet.rig.restart(boot=True)
    assert (fleet.state, fleet.held) == ("succeeded", True)
    tried = fleet.lock.calls.count("release")
    fleet.rig.advance(RETRY_FIRST)
    assert fleet.lock.calls.count("release") == tried + 1
    fleet.rig.advance(RETRY_FIRST)
    assert fleet.lock.calls.count("release") == tried + 1
    fleet.slots.away = False
    fleet.rig.advance(RETRY_LONGEST)
    assert not fleet.held
    calls = len(fleet.lock.calls)
    fleet.rig.advance(timedelta(days=1))
    assert len(fleet.lock.calls) == calls


def test_a_release_that_is_still_being_tried_does_not_take_the_next_slot_away() -> None:
    fleet = Fleet()
    fleet.slots.away = True
    fleet.rig.restart()
    fleet.slots.away = False
    fleet.rig.announce(NEW)
    assert (fleet.state, fleet.held) == ("rebooting", True)
    fleet.rig.advance(RETRY_LONGEST)
    assert fleet.held


def test_a_failed_activation_gives_the_slot_back() -> None:
    fleet = Fleet()
    fleet.rig.image.fail("activate", EngineError(Code.ACTIVATE_FAILED, "the test said so"))
    fleet.rig.announce(NEW)
    assert (fleet.state, fleet.held) == ("failed", False)


def test_a_host_that_fell_back_gives_the_slot_back() -> None:
    fleet = Fleet()
    fleet.rig.announce(NEW)
    fleet.rig.host.boot()
    fleet.rig.image.reboot(ImageStatus(OLD, None, NEW))
    fleet.rig.restart()
    assert fleet.state == "rolled-back"
    assert not fleet.held


def test_what_does_not_reboot_needs_no_lock_unless_it_is_for_all() -> None:
    slots = FakeSlots(holders={OTHER})
    rig = Rig(lock=FakeRebootLock(slots))
    rig.announce(NEW)
    assert rig.image.status().current == NEW
    rig = Rig(lock=FakeRebootLock(slots), lock_for_all=True)
    rig.announce(NEW)
    assert rig.status().follows[0].waiting_for == "lock"


def test_one_follow_does_not_give_back_what_another_needs() -> None:
    slots = FakeSlots()
    app = Follow("app", "beta")
    rig = Rig(reboots=True, follows=(FOLLOW, app), lock=FakeRebootLock(slots))
    rig.announce(NEW)
    assert slots.holders == {"this host"}
    rig.announce(NEWER, follow=app)
    assert rig.status().follows[1].waiting_for == "turn"
    assert slots.holders == {"this host"}


@pytest.mark.parametrize("broken", ["journal", "host"])
def test_what_breaks_after_the_lock_was_granted_activates_nothing(broken: str) -> None:
    """A full disk: the step is tried again later, with everything asked anew."""
    rig, lock, slots = slow()
    journal = rig.journal

    def break_it() -> None:
        if broken == "journal":
            setattr(journal, "broken", True)  # noqa: B010 - the port has no such attribute
        else:
            rig.host.inhibitors = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]

    lock.meanwhile = break_it
    rig.announce(NEW)
    assert rig.image.status().current == OLD
    assert "activate" not in " ".join(rig.image.calls)
    if broken == "journal":
        setattr(journal, "broken", False)  # noqa: B010 - as above
        rig.advance(timedelta(seconds=30))
        assert lock.calls.count("acquire") == 2
        assert (rig.status().follows[0].state, slots.holders) == ("rebooting", {"this host"})
    else:
        assert rig.status().follows[0].waiting_for == "inhibitor"
        assert slots.holders == set()
