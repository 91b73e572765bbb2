"""What downloads cost holds them back, also in the middle; and they go on when it does not any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.network import FakeNetwork
from tests.support.rig import FOLLOW, Rig
from tests.support.statements import digest_of
from tests.support.updates import FAILURE, a_target
from tidegate_agent.downloads import Budget
from tidegate_agent.manners import Manners
from tidegate_agent.model import Follow, ImageStatus
from tidegate_agent.periods import Per, period_at
from tidegate_agent.records import Change, Hold
from tidegate_agent.update.commands import CancelStage, Stage
from tidegate_agent.update.events import StageFailed
from tidegate_agent.update.states import Staged, Staging, Target, Wait, WaitFor, Waiting
from tidegate_agent.windows import Schedule
from tidegate_agent.work import Work
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Urgency

if TYPE_CHECKING:
    from tidegate_agent.operations import Operations

NEW, NEWER = digest_of("a"), digest_of("b")
MINUTE = timedelta(minutes=1)
BY_MONTH = partial(period_at, per=Per.MONTH, zone=ZoneInfo("UTC"))


def a_budget(size: int) -> Budget:
    """So many bytes a month; an image of the fake engine takes 1000."""
    return Budget(size, Per.MONTH, BY_MONTH)


def wait_of(rig: Rig) -> Wait | None:
    state = rig.follower.state
    assert isinstance(state, Waiting | Staged)
    return state.wait


def stages(rig: Rig) -> int:
    return sum(call.startswith("stage") for call in rig.image.calls)


def in_the_middle(rig: Rig, happens: Any, *, late: bool = False) -> None:
    """Once, when the next image is being fetched; or late, when the engine does not ask any more."""

    def halfway() -> None:
        rig.image.halfway = lambda: None
        happens()
        rig.settle()

    def begun() -> None:
        rig.image.halfway = halfway

    rig.image.halfway = begun if late else halfway


# Metered networks


def test_nothing_is_fetched_over_a_metered_network() -> None:
    network = FakeNetwork("NetworkManager says that it is metered")
    rig = Rig(network=network)
    rig.announce(NEW)
    assert wait_of(rig) == Wait(WaitFor.METERED, "NetworkManager says that it is metered")
    rig.advance(MINUTE)
    rig.advance(MINUTE)
    # It is looked at again, and told once.
    assert network.asked == 3
    assert stages(rig) == 0
    assert rig.steps() == [Step.ACCEPTED, Step.WAITING]
    network.why = None
    rig.advance(MINUTE)
    assert rig.steps()[-1] is Step.SUCCEEDED
    assert stages(rig) == 1


def test_a_download_under_way_is_paused_when_the_network_becomes_metered() -> None:
    network = FakeNetwork()
    rig = Rig(network=network)

    def roam() -> None:
        network.why = "on the train"
        rig.clock.advance(MINUTE)

    in_the_middle(rig, roam)
    rig.announce(NEW)
    assert wait_of(rig) == Wait(WaitFor.METERED, "on the train")
    assert rig.image.status().staged is None
    network.why = None
    rig.advance(MINUTE)
    assert rig.steps()[-1] is Step.SUCCEEDED
    assert stages(rig) == 2
    told = [Step.STAGING, Step.WAITING, Step.STAGING]
    assert [step for step in rig.steps() if step in told][:3] == told


def test_a_download_that_is_through_before_it_can_be_paused_is_not_done_again() -> None:
    network = FakeNetwork()
    rig = Rig(network=network)

    def roam() -> None:
        network.why = "on the train"
        rig.clock.advance(MINUTE)

    in_the_middle(rig, roam, late=True)
    rig.announce(NEW)
    assert Step.WAITING in rig.steps()
    assert rig.steps()[-1] is Step.SUCCEEDED
    assert stages(rig) == 1


def test_a_hold_does_not_hide_what_a_download_costs() -> None:
    """A hold does not stop what is under way; what it costs does."""
    network = FakeNetwork()
    rig = Rig(network=network)

    def roam() -> None:
        rig.journal.commit(Change(None, holds=((FOLLOW, Hold(held=True, by="ops")),)))
        network.why = "on the train"
        rig.clock.advance(MINUTE)

    in_the_middle(rig, roam)
    rig.announce(NEW)
    told = [event.data.waiting_for for event in rig.events() if event.data.step is Step.WAITING]
    assert told[0] == "metered"


def test_a_fault_that_comes_of_stopping_a_download_is_none() -> None:
    """A tool that is killed looks as if it had failed, perhaps when the download has long been begun anew."""
    rig = Rig(network=FakeNetwork())
    answers: list[object] = []

    class Stopped:
        """Operations whose staging is cancelled, and says that it failed."""

        def look(self) -> ImageStatus:
            return rig.image.status()

        def stage(self, target: Target, *_: object) -> StageFailed:
            if target.digest == NEW:
                work.do(CancelStage())
            return StageFailed(target.digest, FAILURE, retryable=False)

    work = Work(
        cast("Operations", Stopped()), rig.around, lambda _, event: answers.append(event), lambda: None
    )
    for digest in (NEW, NEWER):
        work.do(Stage(a_target(digest)))
        rig.settle()
    assert answers == [None, StageFailed(NEWER, FAILURE, retryable=False)]


def test_a_download_goes_on_while_the_network_stays_as_it_is() -> None:
    network = FakeNetwork()
    rig = Rig(network=network)
    in_the_middle(rig, lambda: rig.clock.advance(MINUTE))
    rig.announce(NEW)
    assert rig.steps()[-1] is Step.SUCCEEDED
    assert stages(rig) == 1
    assert network.asked == 2


def test_after_a_restart_in_the_middle_the_network_is_looked_at_at_once() -> None:
    network = FakeNetwork()
    rig = Rig(network=network)

    class PowerCut(BaseException):
        pass

    def cut() -> None:
        raise PowerCut

    rig.image.halfway = cut
    with pytest.raises(PowerCut):
        rig.announce(NEW)
    assert isinstance(rig.follower.state, Staging)
    rig.image.halfway = rig.settle
    network.why = "on the train"
    rig.restart()
    assert wait_of(rig) == Wait(WaitFor.METERED, "on the train")


def test_a_network_that_cannot_be_asked_holds_nothing_back() -> None:
    class Broken(FakeNetwork):
        def metered(self) -> str | None:
            raise OSError("no bus")

    rig = Rig(network=Broken())
    rig.announce(NEW)
    assert rig.steps()[-1] is Step.SUCCEEDED


def test_what_lies_ready_is_activated_over_any_network() -> None:
    network = FakeNetwork()
    rig = Rig(network=network)
    rig.host.holds = ("stocktaking",)
    rig.announce(NEW)
    network.why = "on the train"
    rig.host.holds = ()
    rig.advance(MINUTE)
    assert rig.steps()[-1] is Step.SUCCEEDED


@pytest.mark.parametrize(
    ("urgency", "late", "goes_on"),
    [
        (Urgency.ROUTINE, False, False),
        (Urgency.URGENT, False, False),
        (Urgency.EMERGENCY, False, True),
        (Urgency.URGENT, True, True),
        (Urgency.ROUTINE, True, False),
    ],
)
def test_an_emergency_may_cost_what_it_costs(urgency: Urgency, *, late: bool, goes_on: bool) -> None:
    rig = Rig(network=FakeNetwork("on the train"), budget=a_budget(1))
    deadline = rig.clock.now() - MINUTE if late else None
    rig.announce(NEW, urgency=urgency, deadline=deadline)
    assert (rig.steps()[-1] is Step.SUCCEEDED) is goes_on


def test_the_host_s_owner_says_what_may_cost_what_it_costs() -> None:
    rig = Rig(network=FakeNetwork("on the train"), manners=Manners(Schedule(), download_override=frozenset()))
    rig.announce(NEW, urgency=Urgency.EMERGENCY)
    assert wait_of(rig) == Wait(WaitFor.METERED, "on the train")


def test_a_person_may_let_it_pass_once() -> None:
    rig = Rig(network=FakeNetwork("on the train"))
    rig.announce(NEW)
    rig.ask("approve")
    assert stages(rig) == 0
    rig.ask("approve", now=True)
    assert rig.steps()[-1] is Step.SUCCEEDED
    rig.announce(NEWER, sequence=8)
    assert wait_of(rig) == Wait(WaitFor.METERED, "on the train")


def test_what_was_carried_here_costs_nothing() -> None:
    rig = Rig(network=FakeNetwork("on the train"), budget=a_budget(500))
    rig.announce(NEW)
    assert stages(rig) == 0
    rig.carried[NEW] = (f"oci:/mnt/stick@{NEW}",)
    rig.advance(MINUTE)
    assert rig.steps()[-1] is Step.SUCCEEDED
    # The budget is used up by now; that does not matter either.
    rig.carried[NEWER] = (f"oci:/mnt/stick@{NEWER}",)
    rig.announce(NEWER, sequence=8)
    assert rig.steps()[-1] is Step.SUCCEEDED


# Budgets


def test_what_a_month_allows_is_fetched_and_then_the_next_month_is_waited_for() -> None:
    rig = Rig(budget=a_budget(1000))
    rig.announce(NEW)
    assert rig.steps()[-1] is Step.SUCCEEDED
    rig.announce(NEWER, sequence=8)
    april = datetime(2026, 4, 1, tzinfo=UTC)
    assert wait_of(rig) == Wait(WaitFor.BUDGET, "the 1000 B that this month allows are used up", april)
    # A restart does not forget it, nor does a clock that is set back to another month and forward again.
    rig.restart()
    assert wait_of(rig) == Wait(WaitFor.BUDGET, "the 1000 B that this month allows are used up", april)
    assert rig.journal.fetched("2026-03") == 1000
    rig.advance(april - rig.clock.now() - MINUTE)
    assert stages(rig) == 1
    rig.announce(NEWER, sequence=9)
    rig.advance(MINUTE)
    assert rig.steps()[-1] is Step.SUCCEEDED
    assert rig.journal.fetched("2026-04") == 1000


def test_an_image_that_has_to_come_in_one_go_is_not_begun_on_what_is_left() -> None:
    rig = Rig(budget=a_budget(1500))
    rig.announce(NEW)
    in_the_middle(rig, lambda: None)
    rig.announce(NEWER, sequence=8)
    wait = wait_of(rig)
    assert wait is not None
    assert wait.text == "the image takes 1000 B in one go, and of this month's 1.46 KiB 500 B are left"
    assert wait.until == datetime(2026, 4, 1, tzinfo=UTC)
    assert rig.steps().count(Step.WAITING) == 1


def test_an_image_that_is_larger_than_any_months_budget_says_so() -> None:
    rig = Rig(budget=a_budget(900))
    in_the_middle(rig, lambda: None)
    rig.announce(NEW)
    wait = wait_of(rig)
    assert wait is not None
    assert wait.text.startswith("the image takes 1000 B in one go, and a month allows 900 B: raise")
    assert wait.until is None
    rig.ask("approve", now=True)
    assert rig.steps()[-1] is Step.SUCCEEDED


def test_two_follows_spend_one_budget() -> None:
    apps = Follow("apps", "stable")
    rig = Rig(budget=a_budget(1000), follows=(FOLLOW, apps))
    rig.announce(NEW)
    rig.announce(NEWER, follow=apps)
    state = rig.agent.followers[1].state
    assert isinstance(state, Waiting)
    assert state.wait is not None
    assert state.wait.reason is WaitFor.BUDGET


def test_without_a_limit_nothing_is_watched() -> None:
    rig = Rig()
    in_the_middle(rig, lambda: rig.clock.advance(timedelta(hours=1)))
    rig.announce(NEW)
    assert rig.steps()[-1] is Step.SUCCEEDED
    assert rig.journal.fetched("2026-03") == 0
