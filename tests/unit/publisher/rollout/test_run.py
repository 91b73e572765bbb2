"""Whole rollouts with a simulated fleet: each way in which a run can go and end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.publisher import fake_bundle
from tests.fakes.rollout import OS_STABLE, TOPICS
from tests.support.rollouts import Stage, a_fleet, a_gated_release
from tests.support.statements import NOON, a_statement, digest_of
from tidegate_fleet.leading import how_it_ended
from tidegate_publisher.operations import Operation
from tidegate_publisher.rollout.decisions import AskApproval, Finished, Outcome, Widen
from tidegate_publisher.rollout.parts import Audience
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.envelope import EventSignatureError
from tidegate_schemas.gates import OnFailure, OnTimeout
from tidegate_schemas.rollout import Rollout, RolloutState, Runner, Wave

HOUR = timedelta(hours=1)


def ended(stage: Stage, **plan: object) -> Finished:
    found = stage.run(stage.plan(**plan))  # type: ignore[arg-type]
    assert found is not None
    return found


def opened(stage: Stage) -> list[list[str]]:
    """The open waves of each statement, without repetitions."""
    found: list[list[str]] = []
    for statement in stage.park.announced:
        waves = [wave.name for wave in statement.predicate.rollout.waves if wave.open]
        if not found or found[-1] != waves:
            found.append(waves)
    return found


def test_waves_are_opened_one_after_the_other_and_the_claim_is_given_back() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    assert ended(stage).outcome is Outcome.DONE
    assert opened(stage) == [["canary"], ["canary", "everybody"]]
    assert all(host.digest == digest_of("a") for host in stage.hosts)
    runner = stage.stands().predicate.rollout.runner
    assert runner is not None
    assert (runner.id, runner.until, runner.wave, runner.ended) == ("run-1", None, "everybody", "done")
    # Announced, soaked, opened, soaked, given back: no statement more, for each goes to every host.
    assert len(stage.park.announced) == 5


def test_the_next_wave_is_opened_only_after_the_soak() -> None:
    stage = Stage(a_gated_release(gate={"soak": timedelta(hours=2)}), a_fleet(4))
    ended(stage)
    moments = {
        len([wave for wave in one.predicate.rollout.waves if wave.open]): one.predicate.issued_at
        for one in reversed(stage.park.announced)
    }
    # The canary takes a minute.
    assert moments[2] - moments[1] >= timedelta(hours=2, minutes=1)


def test_a_failed_canary_holds_the_release_where_one_is_too_many() -> None:
    waves = (
        {"name": "canary", "labels": {"ring": "canary"}, "gate": {"failures": {"count": 1}}},
        {"name": "rest"},
    )
    stage = Stage(a_gated_release(waves), a_fleet(10))
    stage.hosts[0].way = "ill"
    end = ended(stage)
    assert end.outcome is Outcome.FAILED
    assert "1 of 1 hosts that ended have failed; none is allowed" in end.reason
    assert stage.stands().predicate.rollout.state is RolloutState.HELD
    assert [host.step for host in stage.hosts[1:]] == [None] * 9


def test_whoever_looks_at_a_release_that_the_run_held_sees_why() -> None:
    stage = Stage(a_gated_release(gate={"failures": {"count": 1}}), a_fleet(10, canaries=2))
    stage.hosts[0].way = "ill"
    stage.run()
    rollout = stage.stands().predicate.rollout
    assert rollout.runner is not None
    assert rollout.runner.because == "wave canary: 1 of 1 hosts that ended have failed; none is allowed"
    assert how_it_ended(rollout) == f"failed: {rollout.runner.because}"


def test_a_failed_canary_alone_does_not_stop_the_world_by_accident() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    stage.hosts[0].way = "ill"
    end = ended(stage)
    assert end.outcome is Outcome.TIMED_OUT
    assert "0 of 1 hosts have succeeded, 1 are needed" in end.reason
    assert opened(stage) == [["canary"]]


def test_a_threshold_that_is_passed_revokes_where_that_is_asked_for() -> None:
    gate = {"failures": {"share": 0.2, "minimum": 5}, "on_failure": OnFailure.REVOKE}
    stage = Stage(a_gated_release(({"name": "all"},), gate=gate), a_fleet(20))
    for host in stage.hosts[:8]:
        host.way, host.takes_s = "ill", 30
    end = ended(stage)
    assert end.outcome is Outcome.FAILED
    assert stage.stands().predicate.rollout.state is RolloutState.REVOKED


def test_stragglers_of_a_wave_that_is_done_still_count() -> None:
    gate = {"success": 0.5, "failures": {"share": 0.3, "minimum": 5}}
    stage = Stage(a_gated_release(gate=gate), a_fleet(40, canaries=10))
    for host in stage.hosts[:5]:
        host.way, host.takes_s = "ill", 600
    for host in stage.hosts[10:]:
        host.takes_s = 3600
    end = ended(stage)
    assert (end.outcome, "wave canary" in end.reason) == (Outcome.FAILED, True)
    assert opened(stage)[-1] == ["canary", "everybody"]


@pytest.mark.parametrize(
    ("way", "limit", "told"), [("silent", "silence", "fallen silent"), ("gone", "dropouts", "gone offline")]
)
def test_hosts_that_do_not_come_back_stop_the_release(way: str, limit: str, told: str) -> None:
    gate = {limit: {"after": timedelta(minutes=20), "share": 0.1, "minimum": 5}}
    stage = Stage(a_gated_release(({"name": "all"},), gate=gate), a_fleet(20))
    for host in stage.hosts[:3]:
        host.way = way
    end = ended(stage)
    assert end.outcome is Outcome.FAILED
    assert f"3 of 20 hosts that began to activate have {told}; allowed are 10 % of 5 or more" in end.reason
    assert timedelta(minutes=20) < stage.clock.now() - NOON < timedelta(minutes=25)


def test_hosts_that_are_off_do_not_block_and_take_the_release_up_when_they_come() -> None:
    stage = Stage(a_gated_release(), a_fleet(100, canaries=10))
    for host in stage.hosts[::10]:
        host.online = False
    assert ended(stage).outcome is Outcome.DONE
    stage.park.connect(stage.hosts[0], online=True)
    assert stage.hosts[0].digest == digest_of("a")


def test_hosts_that_are_off_do_block_where_they_count() -> None:
    stage = Stage(a_gated_release(gate={"ignore_offline": False}), a_fleet(10, canaries=5))
    stage.hosts[0].online = False
    end = ended(stage)
    assert (end.outcome, opened(stage)) == (Outcome.TIMED_OUT, [["canary"]])


def test_a_wave_without_known_hosts_is_waited_for_unless_none_are_needed() -> None:
    waves = ({"name": "nobody", "labels": {"ring": "none"}}, {"name": "rest"})
    stage = Stage(a_gated_release(waves), a_fleet(5))
    assert ended(stage).outcome is Outcome.TIMED_OUT
    assert opened(stage) == [["nobody"]]
    passed = ({"name": "nobody", "labels": {"ring": "none"}, "gate": {"minimum_hosts": 0}}, {"name": "rest"})
    stage = Stage(a_gated_release(passed), a_fleet(5))
    assert ended(stage).outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("on_timeout", "state"), [(OnTimeout.HOLD, RolloutState.HELD), (OnTimeout.STOP, RolloutState.ACTIVE)]
)
def test_a_wave_that_takes_too_long_is_held_or_left(on_timeout: OnTimeout, state: RolloutState) -> None:
    gate = {"on_timeout": on_timeout, "timeout": HOUR}
    stage = Stage(a_gated_release(gate=gate), a_fleet(5, takes_s=7200))
    assert ended(stage).outcome is Outcome.TIMED_OUT
    assert stage.stands().predicate.rollout.state is state
    assert HOUR < stage.clock.now() - NOON < HOUR + timedelta(minutes=2)


def test_all_waves_together_have_a_time_of_their_own() -> None:
    stage = Stage(
        a_gated_release(gate={"soak": timedelta(hours=2)}, rollout={"timeout": timedelta(hours=3)}),
        a_fleet(4),
    )
    end = ended(stage)
    assert end.outcome is Outcome.TIMED_OUT
    assert "the rollout began at 2026-03-02T12:00:0" in end.reason


def test_an_operators_hold_ends_the_run_and_is_not_undone() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    stage.park.in_s(70, lambda: stage.operate(Operation.HOLD))
    assert ended(stage).outcome is Outcome.HELD
    held = stage.stands()
    assert held.predicate.rollout.state is RolloutState.HELD
    assert ended(stage).outcome is Outcome.HELD
    assert stage.stands() == held


def test_after_a_hold_and_a_resume_the_same_run_goes_on() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    stage.park.in_s(70, lambda: stage.operate(Operation.HOLD))
    ended(stage)
    stage.operate(Operation.RESUME)
    assert ended(stage).outcome is Outcome.DONE


@pytest.mark.parametrize("operation", [Operation.HOLD, Operation.REVOKE])
def test_a_stop_in_the_very_moment_of_an_announcement_is_restored(operation: Operation) -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    # The operator and the run both build on the same statement, and ours is the last that the broker takes.
    stage.park.in_s(61, lambda: _race(stage, operation))
    end = ended(stage)
    assert end.outcome is (Outcome.HELD if operation is Operation.HOLD else Outcome.REVOKED)
    assert stage.stands().predicate.rollout.state is operation.state
    assert opened(stage) == [["canary"]]


def _race(stage: Stage, operation: Operation) -> None:
    before = stage.park.store.held[OS_STABLE]

    def meanwhile() -> None:
        ours = stage.park.store.held[OS_STABLE]
        stage.park.store.held[OS_STABLE] = before
        stage.operate(operation)
        stage.park.store.held[OS_STABLE] = ours

    stage.park.store.before_publish = meanwhile


def test_an_operators_promotion_is_taken_for_what_it_is() -> None:
    waves = ({"name": "canary", "labels": {"ring": "canary"}}, {"name": "rest", "gate": {"approval": True}})
    stage = Stage(a_gated_release(waves), a_fleet(10))
    stage.park.in_s(3600, lambda: stage.operate(Operation.PROMOTE, "rest"))
    assert ended(stage).outcome is Outcome.DONE
    assert any(isinstance(one, AskApproval) and one.wave == "rest" for one in stage.teller.decisions)


def test_an_approval_lets_the_run_open_a_wave_within_its_budget() -> None:
    gate = {"approval": True, "budget": ({"at_most": 2},), "widen_every": timedelta(seconds=10)}
    waves = ({"name": "canary", "labels": {"ring": "canary"}}, {"name": "rest", "gate": gate})
    stage = Stage(a_gated_release(waves), a_fleet(10))
    stage.park.in_s(3600, lambda: stage.approve("rest"))
    most = []
    stage.park.watch = lambda _: most.append(sum(host.busy for host in stage.hosts))
    assert ended(stage).outcome is Outcome.DONE
    assert max(most) == 2
    assert any(isinstance(one, Widen) for one in stage.teller.decisions)


def test_a_wave_is_not_opened_before_its_time_and_hosts_do_not_open_it_by_themselves() -> None:
    waves = ({"name": "canary", "labels": {"ring": "canary"}}, {"name": "rest", "opens_at": NOON + 5 * HOUR})
    stage = Stage(a_gated_release(waves), a_fleet(5))
    assert ended(stage).outcome is Outcome.DONE
    first = next(one for one in stage.park.announced if one.predicate.rollout.waves[1].open)
    assert first.predicate.issued_at == NOON + 5 * HOUR
    assert all(wave.opens_at is None for one in stage.park.announced for wave in one.predicate.rollout.waves)


def test_a_run_may_end_with_a_wave_and_another_goes_on_from_there_without_a_second_soak() -> None:
    stage = Stage(a_gated_release(gate={"soak": 2 * HOUR}), a_fleet(5))
    assert ended(stage, until="canary").outcome is Outcome.DONE
    assert opened(stage) == [["canary"]]
    stage.clock.advance(24 * HOUR)
    begun = stage.clock.now()
    assert ended(stage, run="run-2").outcome is Outcome.DONE
    second = next(one for one in stage.park.announced if one.predicate.rollout.waves[1].open)
    assert second.predicate.issued_at - begun < timedelta(minutes=1)


def test_what_is_done_is_not_announced_again() -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    ended(stage)
    count = len(stage.park.announced)
    assert ended(stage).outcome is Outcome.DONE
    assert ended(stage, run="run-2").outcome is Outcome.DONE
    assert len(stage.park.announced) == count


def test_a_second_run_is_refused_while_the_first_one_claims_the_channel() -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    assert stage.run(killed_after=20) is None
    held = stage.stands()
    end = ended(stage, run="run-2")
    assert end.outcome is Outcome.CLAIMED
    assert "The run run-1 leads this release until" in end.reason
    assert "--run-id run-1" in end.reason
    assert "--take-over" in end.reason
    assert stage.stands() == held
    assert ended(stage, run="run-2", take_over=True).outcome is Outcome.DONE


def test_a_claim_ends_by_itself() -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    assert stage.run(killed_after=20) is None
    stage.clock.advance(2 * HOUR)
    assert ended(stage, run="run-2").outcome is Outcome.DONE


def test_a_claim_is_renewed_before_it_ends() -> None:
    stage = Stage(a_gated_release(gate={"soak": 5 * HOUR}), a_fleet(2))
    ended(stage)
    for before, after in zip(stage.park.announced, stage.park.announced[1:], strict=False):
        runner = before.predicate.rollout.runner
        assert runner is not None
        assert runner.until is not None
        assert after.predicate.issued_at < runner.until


def test_a_statement_is_renewed_before_it_expires() -> None:
    stage = Stage(a_gated_release(gate={"soak": 3 * HOUR}, expires_in=timedelta(minutes=20)), a_fleet(2))
    assert ended(stage).outcome is Outcome.DONE
    pairs = zip(stage.park.announced, stage.park.announced[1:], strict=False)
    assert all(after.predicate.issued_at < before.predicate.expires for before, after in pairs)


def test_who_is_taken_over_ends_without_harm() -> None:
    stage = Stage(a_gated_release(gate={"soak": HOUR}), a_fleet(5))

    def take_over() -> None:
        rollout = stage.stands().predicate.rollout
        runner = Runner(id="run-2", process="other", until=NOON + 9 * HOUR, began_at=NOON, wave="canary")
        _announce(stage, rollout.model_copy(update={"runner": runner}))

    stage.park.in_s(600, take_over)
    end = ended(stage)
    assert (end.outcome, "the run run-2 leads" in end.reason) == (Outcome.OVERTAKEN, True)
    assert len(stage.park.announced) == 3


def _announce(stage: Stage, rollout: Rollout, digest: str = digest_of("a"), **changes: object) -> None:
    before = stage.stands().predicate
    statement = a_statement(
        digest, issued_at=stage.clock.now(), sequence=before.sequence + 1, rollout=rollout, **changes
    )
    bundle = fake_bundle(statement.to_json())
    stage.park.store.held[OS_STABLE] = bundle
    stage.park.heard(bundle)


def test_who_is_slower_to_announce_finds_the_channel_claimed() -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    other = Runner(id="run-2", process="other", until=NOON + HOUR, began_at=NOON, wave="canary")

    def be_faster() -> None:
        rollout = stage.plan().target("a-seed").model_copy(update={"runner": other})
        bundle = fake_bundle(a_statement(digest_of("a"), rollout=rollout).to_json())
        stage.park.store.rival = bundle
        stage.park.heard(bundle)

    stage.park.store.before_publish = be_faster
    end = ended(stage)
    assert (end.outcome, "The run run-2 leads" in end.reason) == (Outcome.CLAIMED, True)


def test_another_release_ends_the_run() -> None:
    stage = Stage(a_gated_release(gate={"soak": HOUR}), a_fleet(5))
    stage.park.in_s(600, lambda: _announce(stage, Rollout(seed="s"), digest_of("c"), version="2.0"))
    end = ended(stage)
    assert (end.outcome, end.reason) == (Outcome.OVERTAKEN, "the channel holds another release: 2.0")
    assert stage.stands().digest == digest_of("c")


def test_another_runs_release_is_not_replaced_while_it_is_claimed() -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    runner = Runner(id="other", process="p", until=NOON + HOUR, began_at=NOON, wave="all")
    rollout = Rollout(seed="s", waves=(Wave(name="all", open=True),), runner=runner)
    stage.park.store.held[OS_STABLE] = fake_bundle(a_statement(digest_of("c"), rollout=rollout).to_json())
    with pytest.raises(TidegateError) as caught:
        stage.run()
    assert caught.value.code is Code.ROLLOUT_CLAIMED
    assert stage.stands().digest == digest_of("c")
    assert ended(stage, take_over=True).outcome is Outcome.DONE


def test_other_waves_than_those_that_are_announced_are_refused() -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    ended(stage, until="canary")
    stage.release = a_gated_release(({"name": "everybody"},))
    with pytest.raises(TidegateError) as caught:
        stage.run()
    assert caught.value.code is Code.ROLLOUT_DIFFERS


def test_nothing_is_opened_while_the_broker_is_away() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))

    def lose() -> None:
        stage.park.up = False

    def return_() -> None:
        stage.park.up = True

    stage.park.in_s(30, lose)
    stage.park.in_s(4000, return_)
    assert ended(stage).outcome is Outcome.DONE
    second = next(one for one in stage.park.announced if one.predicate.rollout.waves[1].open)
    assert second.predicate.issued_at > NOON + timedelta(seconds=4000)
    assert any("nothing is opened meanwhile" in note for note in stage.teller.notes)


def test_a_broker_that_holds_nothing_for_a_while_is_asked_again() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    kept: dict[tuple[str, str], bytes] = {}

    def lose() -> None:
        kept.update(stage.park.store.held)
        stage.park.store.held.clear()

    stage.park.in_s(30, lose)
    stage.park.in_s(130, lambda: stage.park.store.held.update(kept))
    assert ended(stage).outcome is Outcome.DONE
    assert stage.park.announced[1].predicate.sequence == 2


def test_a_broker_that_has_lost_the_statement_for_good_ends_the_run() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    stage.park.in_s(30, stage.park.store.held.clear)
    with pytest.raises(TidegateError) as caught:
        stage.run()
    assert caught.value.code is Code.ANNOUNCE_MISSING
    assert opened(stage) == [["canary"]]


def test_a_broker_that_plays_an_old_statement_back_is_not_believed() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    old: dict[tuple[str, str], bytes] = {}

    def renew() -> None:
        old.update(stage.park.store.held)
        stage.operate(Operation.HEARTBEAT)

    def lose() -> None:
        newest = dict(stage.park.store.held)
        stage.park.up = False
        stage.park.store.held.update(old)
        stage.park.in_s(60, lambda: setattr(stage.park, "up", True))
        stage.park.in_s(600, lambda: stage.park.store.held.update(newest))

    stage.park.in_s(20, renew)
    stage.park.in_s(40, lose)
    assert ended(stage).outcome is Outcome.DONE
    sequences = [one.predicate.sequence for one in stage.park.announced]
    assert sequences == sorted(set(sequences))


def test_a_flood_on_the_channel_costs_few_verifications_and_stops_nothing() -> None:
    stage = Stage(a_gated_release(), a_fleet(5))

    def flood() -> None:
        for number in range(5000):
            stage.park.say(TOPICS.channel(*OS_STABLE), b"junk %d" % number)

    stage.park.in_s(30, flood)
    assert ended(stage).outcome is Outcome.DONE
    assert sum("does not verify" in note for note in stage.teller.notes) == 64


class Keys:
    """words.EventCheck: the hosts whose events count as signed."""

    def __init__(self, *hosts: str) -> None:
        self._hosts = hosts

    def verify(self, host: str, raw: bytes) -> tuple[bytes, str]:
        """See EventCheck.verify."""
        if host not in self._hosts:
            raise EventSignatureError("no key")
        return raw, "key"


def test_with_device_keys_only_signed_events_count_and_no_status() -> None:
    stage = Stage(a_gated_release(({"name": "all"},), gate={"success": 0.9}), a_fleet(10))
    stage.audience = Audience(TOPICS, Keys("edge-0", "edge-1"))
    assert ended(stage).outcome is Outcome.TIMED_OUT
    figures = stage.teller.views[-1].figures["all"]
    assert (figures.known, figures.succeeded) == (10, 2)


def test_hosts_that_nobody_allowed_do_not_count() -> None:
    stage = Stage(a_gated_release(({"name": "all"},)), a_fleet(30))
    allowed = frozenset(f"edge-{number}" for number in range(10))
    for host in stage.hosts[10:]:
        host.way = "ill"
    stage.audience = Audience(TOPICS, None, allowed)
    assert ended(stage).outcome is Outcome.DONE
    assert stage.teller.views[-1].figures["all"].known == 10


def test_a_host_that_lies_counts_once() -> None:
    stage = Stage(a_gated_release(({"name": "all"},), gate={"success": 0.5}), a_fleet(10, takes_s=3600))
    host = stage.hosts[0]

    def lie() -> None:
        for number in range(200):
            event = (
                f'{{"specversion":"1.0","id":"{host.name}/os/stable/1/{number + 2}/succeeded","source":"x",'
                f'"type":"dev.tidegate.update.succeeded","subject":"{host.name}",'
                f'"time":"2031-01-01T00:00:00Z","datacontenttype":"application/json","data":'
                f'{{"product":"os","channel":"stable","step":"succeeded","sequence":1,'
                f'"digest":"{digest_of("a")}","attempt":{number + 2}}}}}'
            )
            stage.park.say(TOPICS.events(host.name), event.encode())

    stage.park.in_s(10, lie)
    ended(stage)
    counted = [view.figures["all"].succeeded for view in stage.teller.views if view.now < NOON + HOUR]
    assert max(counted) == 1
