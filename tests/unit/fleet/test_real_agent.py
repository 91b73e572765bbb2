"""The real agent on fakes, counted at each of its steps: by all that it says, and by its status alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.health import SICK
from tests.support.overhearing import CHANNEL, WatchedRig
from tests.support.rig import HOST, START
from tests.support.statements import a_statement
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.errors import EngineError
from tidegate_agent.manners import Manners
from tidegate_agent.requests import RequestPolicy
from tidegate_agent.windows import Schedule, Window
from tidegate_fleet.standing import Phase
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, RolloutState, Wave
from tidegate_schemas.statement import Requires

if TYPE_CHECKING:
    from collections.abc import Callable

NIGHT = Manners(Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),)))
HELD = Rollout(seed="s", state=RolloutState.HELD)
REVOKED = Rollout(seed="s", state=RolloutState.REVOKED)
WAVES = Rollout(seed="s", waves=(Wave(name="all"),))
WAITING, STAGING, ACTIVATING = Phase.WAITING, Phase.STAGING, Phase.ACTIVATING
SUCCEEDED, FAILED, SKIPPED = Phase.SUCCEEDED, Phase.FAILED, Phase.SKIPPED
THROUGH = [WAITING, STAGING, ACTIVATING, SUCCEEDED]


def _succeeds(rig: WatchedRig) -> None:
    rig.announce(NEW)


def _is_said_again(rig: WatchedRig) -> None:
    rig.announce(NEW)
    rig.announce(NEW, sequence=2)
    rig.broker.cut()
    rig.settle()
    rig.advance(timedelta(hours=7))


def _is_sick(rig: WatchedRig) -> None:
    rig.health.answers = [SICK]
    rig.announce(NEW)
    rig.advance(timedelta(minutes=30))


def _is_sick_and_reboots(rig: WatchedRig) -> None:
    rig.health.answers = [SICK]
    rig.announce(NEW)
    rig.restart(boot=True)
    rig.advance(timedelta(minutes=30))
    rig.restart(boot=True)


def _reboots(rig: WatchedRig) -> None:
    rig.announce(NEW)
    rig.restart(boot=True)


def _falls_back(rig: WatchedRig) -> None:
    rig.announce(NEW)
    rig.image.reboot(falls_back=True)
    rig.restart()
    rig.settle()


def _loses_power_while_it_stages(rig: WatchedRig) -> None:
    rig.announce(NEW, settle=False)
    while rig.progress.count(STAGING) == 0:
        rig.step()
    rig.restart()


def _tries_again(rig: WatchedRig) -> None:
    rig.image.fail("stage", EngineError(Code.IMAGE_UNREACHABLE, "no route", retryable=True))
    rig.announce(NEW)
    rig.advance(timedelta(minutes=5))


def _fails_to_activate_at_first(rig: WatchedRig) -> None:
    rig.image.fail("activate", EngineError(Code.ENGINE_BUSY, "busy", retryable=True))
    rig.announce(NEW)
    rig.advance(timedelta(minutes=5))


def _is_announced_anew_after_a_failure(rig: WatchedRig) -> None:
    rig.image.fail("stage", EngineError(Code.IMAGE_UNAUTHORIZED, "no", retryable=False))
    rig.announce(NEW)
    rig.announce(NEW, sequence=2)


def _waits_for_its_wave(rig: WatchedRig) -> None:
    rig.announce(NEW, rollout=WAVES)
    opened = Rollout(seed="s", waves=(Wave(name="all", open=True),))
    rig.announce(NEW, sequence=2, rollout=opened)


def _is_held_and_resumed(rig: WatchedRig) -> None:
    rig.announce(NEW)
    rig.announce(NEW, sequence=2, rollout=HELD)
    rig.advance(timedelta(hours=14))
    rig.announce(NEW, sequence=3)


def _is_revoked(rig: WatchedRig) -> None:
    rig.announce(NEW)
    rig.announce(NEW, sequence=2, rollout=REVOKED)


def _is_superseded(rig: WatchedRig) -> None:
    rig.announce(NEW)
    rig.announce(NEWER, sequence=2)


def _comes_back(rig: WatchedRig) -> None:
    rig.announce(NEW)
    rig.announce(NEWER, sequence=2)
    rig.watch_release(a_statement(NEW, sequence=3))
    rig.announce(NEW, sequence=3)


def _is_rolled_back_on_request(rig: WatchedRig) -> None:
    rig.announce(NEW)
    rig.advance(timedelta(minutes=1))
    rig.request("rollback", product="os", channel="stable", digest=OLD)
    rig.advance(timedelta(minutes=1))


def _leaves_and_returns(rig: WatchedRig) -> None:
    rig.broker.hold_acks = True
    rig.announce(NEW)
    rig.broker.cut()
    rig.settle()
    rig.broker.hold_acks = False
    rig.broker.cut()
    rig.settle()


def _clock_leaps_back(rig: WatchedRig) -> None:
    rig.announce(NEW)
    rig.clock.set(START - timedelta(hours=3))
    rig.restart(boot=True)


@pytest.mark.parametrize(
    ("story", "kind", "phases"),
    [
        (_succeeds, {}, THROUGH),
        (_is_said_again, {}, THROUGH),
        (_is_sick, {}, [WAITING, STAGING, ACTIVATING, FAILED]),
        (_is_sick_and_reboots, {"reboots": True}, [WAITING, STAGING, ACTIVATING, FAILED]),
        (_reboots, {"reboots": True}, THROUGH),
        (_falls_back, {"reboots": True}, [WAITING, STAGING, ACTIVATING, FAILED]),
        (_loses_power_while_it_stages, {}, THROUGH),
        (_tries_again, {}, [WAITING, STAGING, *THROUGH]),
        (_fails_to_activate_at_first, {}, [WAITING, STAGING, ACTIVATING, *THROUGH]),
        (_is_announced_anew_after_a_failure, {}, [WAITING, STAGING, FAILED, *THROUGH]),
        (_waits_for_its_wave, {}, THROUGH),
        (_is_held_and_resumed, {"manners": NIGHT}, [WAITING, STAGING, WAITING, ACTIVATING, SUCCEEDED]),
        (_is_revoked, {"manners": NIGHT}, [WAITING, STAGING, WAITING, SKIPPED]),
        (_is_superseded, {"manners": NIGHT}, [WAITING, STAGING, WAITING, SKIPPED]),
        (_comes_back, {}, [*THROUGH, SKIPPED, Phase.PENDING, *THROUGH]),
        (_leaves_and_returns, {}, THROUGH),
        (_clock_leaps_back, {"reboots": True}, THROUGH),
        (
            _is_rolled_back_on_request,
            {"requests": RequestPolicy()},
            [*THROUGH, ACTIVATING, FAILED],
        ),
    ],
    ids=lambda each: each.__name__.strip("_") if callable(each) else "",
)
def test_what_is_counted_is_the_truth_at_each_step(
    story: Callable[[WatchedRig], None], kind: dict[str, Any], phases: list[Phase]
) -> None:
    rig = WatchedRig(**kind)
    story(rig)
    rig.compare()
    seen = [phase for phase in rig.phases if phase is not Phase.PENDING or Phase.PENDING in phases]
    assert seen[-len(phases) :] == phases
    assert rig.checks > 1


def test_who_the_release_is_not_for_is_not_counted() -> None:
    rig = WatchedRig()
    rig.announce(NEW, requires=Requires(labels={"site": "kiel"}), settle=False)
    while rig.follower.state.kind != "settled":
        super(WatchedRig, rig).step()
    for word in rig.words():
        rig.fleet.take(word, START)
    assert rig.events()[-1].data.code is Code.REQUIRES_LABELS
    assert rig.progress.place(HOST) is None


def test_a_message_that_is_refused_is_counted_on_the_host_and_fails_no_release() -> None:
    rig = WatchedRig()
    rig.announce(NEW)
    for number in range(3):
        rig.say(b"rubbish %d" % number)
    host = rig.fleet.hosts[HOST]
    assert (host.refusals[CHANNEL].count, host.refusals[CHANNEL].code) == (3, Code.SIGNATURE_MISSING)
    assert rig.phase(rig.progress) is Phase.SUCCEEDED


def test_what_only_events_know_stays_though_statuses_lead() -> None:
    rig = WatchedRig()
    rig.image.fail("stage", EngineError(Code.IMAGE_UNREACHABLE, "no route", retryable=True))
    rig.announce(NEW)
    rig.advance(timedelta(minutes=5))
    standing = rig.fleet.hosts[HOST].standings[CHANNEL]
    assert (standing.step, standing.attempt, standing.version) == (Step.SUCCEEDED, 2, "1.0")


def test_a_host_that_reboots_and_does_not_return_is_silent_however_often_it_was_seen_to_come_and_go() -> None:
    rig = WatchedRig(reboots=True)
    rig.announce(NEW)
    for _ in range(10):
        rig.clock.advance(timedelta(minutes=5))
        rig.broker.cut()
        rig.settle()
    assert list(rig.progress.silent(rig.clock.now(), timedelta(minutes=49))) == [rig.fleet.hosts[HOST]]
    assert list(rig.progress.silent(rig.clock.now(), timedelta(minutes=51))) == []
    rig.restart(boot=True)
    assert list(rig.progress.silent(rig.clock.now(), timedelta(0))) == []
