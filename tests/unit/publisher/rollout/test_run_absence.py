"""Silence, absence and labels: what a host does not say, and for how long."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import rollout as park
from tests.fakes.rollout import TOPICS, SimHost
from tests.support.rollouts import Stage, a_fleet, a_gated_release
from tests.support.statements import NOON, digest_of
from tidegate_publisher.rollout.decisions import Outcome
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState
from tidegate_schemas.status import FollowStatus, HostStatus, Presence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_publisher.rollout.decisions import Finished
    from tidegate_schemas.statement import ChannelStatement
    from tidegate_wire.mqtt.messages import Message

MINUTE = timedelta(minutes=1)
HALF_AN_HOUR = {"after": timedelta(minutes=30), "count": 2}


def run(stage: Stage) -> Finished:
    end = stage.run()
    assert end is not None
    return end


class CutEar(park.FakeEar):
    """Loses its connection every twenty minutes."""

    def hear(self, timeout_s: float) -> Sequence[Message]:
        clock = self.park.clock
        since = clock.elapsed() // (20 * MINUTE)
        found = super().hear(timeout_s)
        if clock.elapsed() // (20 * MINUTE) != since:
            raise TidegateError(Code.BUS_UNREACHABLE, "cut")
        return found


@pytest.mark.parametrize("what", ["silence", "dropouts"])
def test_a_connection_that_is_cut_again_and_again_hides_nobody(what: str) -> None:
    gate = {what: HALF_AN_HOUR, "soak": timedelta(hours=3), "success": 0.5}
    stage = Stage(a_gated_release(gate=gate), a_fleet(60, canaries=20), make_ear=CutEar)
    for host in stage.hosts[:5]:
        if what == "silence":
            host.way = "silent"
        else:
            stage.park.at(NOON + 3 * MINUTE, lambda host=host: stage.park.connect(host, online=False))  # type: ignore[misc]
    end = run(stage)
    assert end.outcome is Outcome.FAILED
    assert stage.clock.now() - NOON < 40 * MINUTE


class SleepyEar(park.FakeEar):
    """Sleeps once, for three quarters of an hour, while hosts go on."""

    slept = False

    def hear(self, timeout_s: float) -> Sequence[Message]:
        if not self.slept and self.park.clock.now() - NOON > 2 * MINUTE:
            self.slept = True
            self.park.clock.advance(45 * MINUTE)
            return []
        return super().hear(timeout_s)


def test_a_runner_that_was_suspended_hears_what_waits_before_it_judges() -> None:
    stage = Stage(a_gated_release(({"name": "all"},)), a_fleet(20, takes_s=300), make_ear=SleepyEar)
    assert run(stage).outcome is Outcome.DONE


@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-2)])
def test_a_clock_that_is_set_makes_nobody_silent_and_stops_no_look(by: timedelta) -> None:
    stage = Stage(a_gated_release(({"name": "all"},)), a_fleet(20, takes_s=300))
    stage.park.at(NOON + 2 * MINUTE, lambda: stage.clock.set(stage.clock.now() + by))
    assert run(stage).outcome is Outcome.DONE
    # A clock that was set back lengthens the soak, and no look.
    assert stage.clock.elapsed() < timedelta(minutes=15) + abs(min(by, timedelta(0)))
    assert len(stage.teller.views) * timedelta(seconds=20) > stage.clock.elapsed()


def test_a_clock_that_is_set_back_hides_no_dropout() -> None:
    gate = {"dropouts": HALF_AN_HOUR, "soak": timedelta(hours=6), "success": 0.5}
    stage = Stage(a_gated_release(({"name": "all"},), gate=gate), a_fleet(20))
    stage.park.at(NOON + 10 * MINUTE, lambda: stage.park.connect(stage.hosts[0], online=False))

    def later() -> None:
        stage.clock.set(stage.clock.now() - timedelta(hours=2))
        for host in stage.hosts[1:15]:
            stage.park.in_s(300, lambda host=host: stage.park.connect(host, online=False))  # type: ignore[misc]

    stage.park.at(NOON + 15 * MINUTE, later)
    assert run(stage).outcome is Outcome.FAILED
    assert stage.clock.elapsed() < timedelta(minutes=70)


def test_a_host_that_loses_its_label_while_it_activates_frees_no_budget() -> None:
    gate = {"budget": ({"labels": {"role": "db"}, "at_most": 1},), "success": 0.5}
    waves = ({"name": "db", "labels": {"role": "db"}, "gate": gate}, {"name": "rest"})
    hosts = [SimHost(f"db-{number}", {"role": "db"}, takes_s=1200) for number in range(6)]
    stage = Stage(a_gated_release(waves), hosts)
    most: list[int] = []

    def look(statement: ChannelStatement) -> None:
        del statement
        most.append(sum(host.busy for host in hosts))
        for host in hosts:
            if host.busy and host.labels:
                host.labels.clear()
                stage.park.in_s(5, lambda host=host: stage.park.connect(host, online=True))  # type: ignore[misc]

    stage.park.watch = look
    stage.run(killed_after=2000)
    assert max(most) == 1


def test_a_failure_counts_in_the_wave_in_which_the_host_began() -> None:
    waves: Any = (
        {"name": "canary", "labels": {"ring": "canary"}},
        {"name": "rest", "labels": {"ring": "rest"}},
    )
    gate = {"failures": {"count": 1}, "success": 0.5}
    stage = Stage(a_gated_release(waves, gate=gate), a_fleet(10, canaries=2))
    stage.hosts[0].way, stage.hosts[0].takes_s = "ill", 100

    def relabel() -> None:
        stage.hosts[0].labels = {}
        stage.park.connect(stage.hosts[0], online=True)

    stage.park.in_s(30, relabel)
    assert run(stage).outcome is Outcome.FAILED
    assert stage.stands().predicate.rollout.state is RolloutState.HELD
    assert stage.hosts[0].step is Step.ROLLED_BACK


@pytest.mark.parametrize("current", [None, digest_of("a"), digest_of("e")])
def test_a_host_that_was_installed_anew_has_not_succeeded_any_more(current: str | None) -> None:
    gate = {"soak": timedelta(hours=1), "timeout": timedelta(hours=2)}
    stage = Stage(a_gated_release(gate=gate), a_fleet(10))

    def install() -> None:
        follow = FollowStatus(
            product="os", channel="stable", engine="embedded", state="idle", sequence=1, current=current
        )
        status = HostStatus(
            host="edge-0",
            presence=Presence.ONLINE,
            start=2,
            connection=1,
            at=stage.clock.now(),
            labels=stage.hosts[0].labels,
            follows=(follow,),
        )
        stage.park.say(TOPICS.status("edge-0"), status.to_json())

    stage.park.in_s(600, install)
    assert run(stage).outcome is (Outcome.TIMED_OUT if current == digest_of("e") else Outcome.DONE)


def test_a_run_that_is_started_again_knows_who_died_while_nobody_looked() -> None:
    gate = {"dropouts": {"after": timedelta(minutes=30), "count": 1}, "success": 0.9, "soak": MINUTE}
    stage = Stage(a_gated_release(gate=gate), a_fleet(60, canaries=7))
    for host in stage.hosts[:5]:
        host.way = "gone"
    while any(host.online for host in stage.hosts[:5]):
        assert stage.run(killed_after=8) is None
    end = run(stage)
    assert (end.outcome, end.wave) == (Outcome.FAILED, "canary")
    assert [wave.open for wave in stage.park.announced[-1].predicate.rollout.waves] == [True, False]
