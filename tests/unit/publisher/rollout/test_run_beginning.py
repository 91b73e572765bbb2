"""What a run finds on the channel: its own release, another, garbage; and what it tells of its end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from tests.fakes.publisher import fake_bundle
from tests.fakes.rollout import OS_STABLE, TOPICS
from tests.support.rollouts import Stage, a_fleet, a_gated_release
from tests.support.statements import NOON, a_statement, digest_of
from tidegate_publisher.operations import Operation
from tidegate_publisher.output import Output
from tidegate_publisher.rollout.decisions import Outcome
from tidegate_publisher.rollout.papers import junit
from tidegate_publisher.rollout.parts import Audience
from tidegate_publisher.rollout.telling import Telling
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, RolloutState, Runner, Wave

if TYPE_CHECKING:
    from tests.fakes.rollout import SimHost
    from tidegate_publisher.rollout.decisions import Finished

HOUR = timedelta(hours=1)
LED = Runner(id="run-2", process="p", until=NOON + 2 * HOUR, began_at=NOON, wave="lab")


def run(stage: Stage, *args: Any) -> Finished:
    end = stage.run(*args)
    assert end is not None
    return end


def announce(stage: Stage, rollout: Rollout, **changes: Any) -> None:
    stands = stage.stands().predicate
    statement = a_statement(
        digest_of("c"),
        sequence=stands.sequence + 1,
        version="1.3",
        issued_at=stage.clock.now(),
        rollout=rollout,
        **changes,
    )
    stage.park.store.publish(*OS_STABLE, fake_bundle(statement.to_json()))


@pytest.mark.parametrize(
    "rollout",
    [
        Rollout(seed="s"),
        Rollout(seed="s", waves=(Wave(name="a", open=True), Wave(name="b"), Wave(name="c"))),
        Rollout(seed="s", waves=(Wave(name="lab", open=True), Wave(name="rest")), runner=LED),
    ],
)
def test_another_release_with_other_waves_overtakes_the_run(rollout: Rollout) -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    stage.park.in_s(20, lambda: announce(stage, rollout))
    plan = stage.plan()
    telling = Telling(plan, Output(quiet=True))
    stage.teller = telling  # type: ignore[assignment]
    end = run(stage, plan)
    assert end.outcome is Outcome.OVERTAKEN
    suite = ET.fromstring(junit(telling.story.document(end)))  # noqa: S314 -- we wrote it a moment ago
    assert suite.get("errors") == "1"


@pytest.mark.parametrize("killed_after", [30, None])
def test_a_job_that_is_repeated_does_not_bring_its_release_back(killed_after: int | None) -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    stage.run(stage.plan("github-77"), killed_after=killed_after)
    announce(stage, Rollout(seed="s", led_before=stage.stands().predicate.rollout.leaders()))
    fixed = stage.stands()
    with pytest.raises(TidegateError) as caught:
        stage.run(stage.plan("github-77"))
    assert caught.value.code is Code.ROLLOUT_OVERTAKEN
    assert stage.stands() == fixed
    assert run(stage, stage.plan("github-78")).outcome is Outcome.DONE
    assert stage.stands().predicate.rollout.led_before == ("github-77",)


def test_the_runs_that_are_remembered_are_few() -> None:
    rollout = Rollout(seed="s", led_before=tuple(f"run-{number}" for number in range(40)), runner=LED)
    assert rollout.leaders() == (*(f"run-{number}" for number in range(25, 40)), "run-2")


def held_image(host: SimHost, step: Step) -> None:
    host.digest, host.sequence, host.step = digest_of("a"), 7, step


def test_failures_of_an_earlier_announcement_of_the_image_are_not_counted() -> None:
    stage = Stage(a_gated_release(gate={"failures": {"count": 1}}), a_fleet(10, canaries=2))
    before = a_statement(digest_of("d"), sequence=50, version="1.1")
    stage.park.store.held[OS_STABLE] = fake_bundle(before.to_json())
    stage.hosts[0].online = False
    held_image(stage.hosts[0], Step.ROLLED_BACK)
    held_image(stage.hosts[5], Step.SUCCEEDED)
    assert run(stage).outcome is Outcome.DONE
    figures = stage.teller.views[-1].figures
    assert (figures["canary"].succeeded, figures["canary"].absent) == (1, 1)
    # Its status says that it has the image now.
    assert figures["everybody"].succeeded == 8


def test_the_same_image_for_other_hosts_is_refused() -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    stage.run(killed_after=20)
    stage.release = a_gated_release(requires={"labels": {"site": "s0"}})
    with pytest.raises(TidegateError, match="another requires than") as caught:
        stage.run()
    assert caught.value.code is Code.ROLLOUT_DIFFERS


def test_a_statement_that_is_heard_and_cannot_be_read_is_asked_for_so_often_and_no_more() -> None:
    stage = Stage(a_gated_release(), a_fleet(5))
    stage.run(killed_after=10)
    stage.park.store.read = lambda *_: None  # type: ignore[method-assign]
    stage.teller.notes.clear()
    with pytest.raises(TidegateError) as caught:
        stage.run()
    assert caught.value.code is Code.ANNOUNCE_CONFLICT
    assert len([note for note in stage.teller.notes if "cannot be read now" in note]) == 1


def test_garbage_on_the_channel_does_not_blind_the_run() -> None:
    gate = {"failures": {"count": 2}, "success": 0.9}
    stage = Stage(a_gated_release(({"name": "all"},), gate=gate), a_fleet(10, takes_s=600))
    for host in stage.hosts[:2]:
        host.way = "ill"
    stage.park.in_s(60, lambda: stage.park.store.held.update({OS_STABLE: b"garbage"}))
    # A new connection finds nothing but that.
    stage.park.in_s(90, lambda: setattr(stage.park, "up", False))
    stage.park.in_s(120, lambda: setattr(stage.park, "up", True))
    assert run(stage).outcome is Outcome.FAILED
    assert stage.stands().predicate.rollout.state is RolloutState.HELD
    assert stage.stands().predicate.sequence == 2


def test_a_first_statement_whose_acknowledgement_is_lost_is_led_on() -> None:
    stage = Stage(a_gated_release(), a_fleet(10))
    publish, lost = stage.park.store.publish, [Code.ANNOUNCE_TIMEOUT]

    def lose(*args: Any) -> None:
        publish(*args)
        if lost:
            raise TidegateError(lost.pop(), "The broker did not acknowledge")

    stage.park.store.publish = lose  # type: ignore[method-assign, assignment]
    assert run(stage).outcome is Outcome.DONE


def test_a_broker_that_never_comes_back_ends_the_run_after_the_waves_own_time() -> None:
    stage = Stage(a_gated_release(gate={"timeout": HOUR}), a_fleet(10))
    stage.park.in_s(30, lambda: setattr(stage.park, "up", False))
    assert run(stage).outcome is Outcome.TIMED_OUT
    assert HOUR < stage.clock.now() - NOON < HOUR + timedelta(minutes=5)
    assert len(stage.teller.notes) < 5


def test_what_ends_while_it_waits_is_red_where_it_waited() -> None:
    waves = ({"name": "canary", "labels": {"ring": "canary"}}, {"name": "rest", "gate": {"approval": True}})
    for operation, rollout in ((Operation.HOLD, {}), (None, {"timeout": 2 * HOUR})):
        stage = Stage(a_gated_release(waves, rollout=rollout), a_fleet(10))
        if operation is not None:
            stage.park.in_s(70, lambda stage=stage, operation=operation: stage.operate(operation))  # type: ignore[misc]
        plan = stage.plan()
        telling = Telling(plan, Output(quiet=True))
        stage.teller = telling  # type: ignore[assignment]
        suite = ET.fromstring(junit(telling.story.document(run(stage, plan))))  # noqa: S314 -- we wrote it a moment ago
        red = [
            case.get("name")
            for case in suite
            if case.find("failure") is not None or case.find("error") is not None
        ]
        assert red == (["canary"] if operation else ["rest"])


def test_a_run_that_an_error_ended_has_papers_too() -> None:
    telling = Telling(Stage(a_gated_release(), []).plan(), Output(quiet=True))
    document = telling.story.broken(TidegateError(Code.ROLLOUT_DIFFERS, "other waves"))
    assert (document["outcome"], document["exitCode"]) == ("error", 5)
    assert [wave["outcome"] for wave in document["waves"]] == ["stopped", "closed"]


def test_whose_words_are_passed_over_is_told() -> None:
    stage = Stage(a_gated_release(({"name": "all"},)), a_fleet(30))
    stage.audience = Audience(TOPICS, None, frozenset(f"edge-{number}" for number in range(10)))
    assert run(stage).outcome is Outcome.DONE
    told = [
        note for note in stage.teller.notes if "words of hosts that are not among those that count" in note
    ]
    assert 1 <= len(told) <= 3
