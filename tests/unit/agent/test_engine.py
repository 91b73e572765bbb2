"""The agent as a whole, on fakes: what a host does when things are said and when things break."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.health import HEALTHY, SICK
from tests.fakes.journal import FakeJournal
from tests.support.rig import FOLLOW, HOST, START, TOPICS, Rig
from tests.support.statements import a_statement
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.errors import EngineError
from tidegate_agent.mailbox import CAPACITY
from tidegate_agent.manners import Manners
from tidegate_agent.model import Follow
from tidegate_agent.reconciliation import IN_A_FLOOD
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, RolloutState, Urgency, Wave
from tidegate_schemas.status import Presence

THROUGH = [
    Step.ACCEPTED,
    Step.STAGING,
    Step.STAGING,
    Step.STAGED,
    Step.ACTIVATING,
    Step.PROVING,
    Step.SUCCEEDED,
]
NIGHT = Manners(Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),)))
BETA = Follow("app", "beta")


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_an_announcement_becomes_the_running_image(rig: Rig) -> None:
    rig.announce(NEW)
    assert rig.image.status().current == NEW
    assert rig.steps() == THROUGH
    assert len({event.id for event in rig.events()}) == len(THROUGH)
    status = rig.status().follows[0]
    assert (status.state, status.current, status.previous, status.sequence) == ("succeeded", NEW, OLD, 1)


def test_every_event_tells_what_it_is_about(rig: Rig) -> None:
    rig.announce(NEW, version="2.0")
    last = rig.events()[-1]
    assert (last.subject, last.data.digest, last.data.previous_digest) == (HOST, NEW, OLD)
    assert (last.data.version, last.data.attempt, last.data.bytes_fetched) == ("2.0", 1, 1000)
    assert set(last.data.durations) >= {"staging", "activating", "proving", "total"}


def test_the_window_is_waited_for(rig: Rig) -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    assert rig.image.status().staged == NEW
    status = rig.status().follows[0]
    assert (status.waiting_for, status.until) == ("window", datetime(2026, 3, 3, 2, tzinfo=UTC))
    rig.advance(timedelta(hours=13, minutes=59))
    assert rig.image.status().current == OLD
    rig.advance(timedelta(minutes=1))
    assert rig.image.status().current == NEW


def test_an_emergency_does_not_wait_for_the_window() -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW, urgency=Urgency.EMERGENCY)
    assert rig.image.status().current == NEW


def test_a_person_may_waive_the_window() -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    assert rig.ask("approve", now=True)["digest"] == NEW
    assert rig.image.status().current == NEW


def test_approval_is_asked_for_once_for_each_image() -> None:
    rig = Rig(manners=Manners(Schedule(), approval_required=True))
    rig.announce(NEW)
    assert rig.status().follows[0].waiting_for == "approval"
    rig.ask("approve")
    assert rig.image.status().current == NEW
    rig.announce(NEWER, sequence=2)
    assert rig.image.status().current == NEW


def test_an_inhibitor_is_looked_at_again(rig: Rig) -> None:
    rig.host.holds = ("a backup runs",)
    rig.announce(NEW)
    assert rig.status().follows[0].reason == "a backup runs"
    rig.host.holds = ()
    rig.advance(timedelta(minutes=1))
    assert rig.image.status().current == NEW


def test_a_wave_opens_by_a_new_statement(rig: Rig) -> None:
    closed = Rollout(seed="s", waves=(Wave(name="all"),))
    rig.announce(NEW, rollout=closed)
    assert rig.status().follows[0].waiting_for == "wave"
    assert rig.image.calls == []
    rig.announce(NEW, sequence=2, rollout=Rollout(seed="s", waves=(Wave(name="all", open=True),)))
    assert rig.image.status().current == NEW


def test_a_hold_stops_before_activation_and_its_end_lets_go() -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    rig.announce(NEW, sequence=2, rollout=Rollout(seed="s", state=RolloutState.HELD))
    rig.advance(timedelta(hours=14))
    assert rig.status().follows[0].waiting_for == "hold"
    rig.announce(NEW, sequence=3)
    assert rig.image.status().current == NEW


def test_a_revoked_release_is_discarded() -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    rig.announce(NEW, sequence=2, rollout=Rollout(seed="s", state=RolloutState.REVOKED))
    assert rig.image.status().staged is None
    assert rig.events()[-1].data.code is Code.ROLLOUT_REVOKED


# What is refused


def test_false_statements_are_refused_with_their_code_and_nothing_changes(rig: Rig) -> None:
    rig.announce(NEW)
    before = (rig.image.status(), rig.journal.recall(FOLLOW))
    false = {
        Code.SIGNATURE_MISSING: b'{"not": "signed"}',
        Code.STATEMENT_OVERSIZE: b"x" * 70_000,
    }
    for code, message in false.items():
        rig.say(message)
        assert rig.events()[-1].data.code is code
    assert (rig.image.status(), rig.journal.recall(FOLLOW)) == before


def test_replays_equivocation_and_old_statements_are_refused(rig: Rig) -> None:
    rig.announce(NEW, sequence=5)
    rig.announce(NEWER, sequence=6)
    rig.announce(NEW, sequence=5)
    assert rig.events()[-1].data.code is Code.STATEMENT_ROLLBACK
    rig.announce(NEW, sequence=6)
    assert rig.events()[-1].data.code is Code.STATEMENT_EQUIVOCATION
    rig.announce(NEW, sequence=7, issued_at=START - timedelta(days=30))
    assert rig.events()[-1].data.code is Code.STATEMENT_EXPIRED
    assert rig.image.status().current == NEWER


def test_a_replay_byte_for_byte_is_told_once(rig: Rig) -> None:
    old = rig.announce(NEW, sequence=5)
    rig.announce(NEWER, sequence=6)
    before = len(rig.events())
    for _ in range(3):
        rig.say(old)
    assert [event.data.code for event in rig.events()[before:]] == [Code.STATEMENT_ROLLBACK]
    assert rig.image.status().current == NEWER


def test_a_replay_of_what_stood_before_the_restart_is_told(rig: Rig) -> None:
    old = rig.announce(NEW, sequence=5)
    rig.restart()
    rig.announce(NEWER, sequence=6)
    rig.say(old)
    assert rig.events()[-1].data.code is Code.STATEMENT_ROLLBACK


def test_a_fault_is_told_once_however_often_it_comes(rig: Rig) -> None:
    for _ in range(50):
        rig.say(b"rubbish")
    rig.restart()
    rig.say(b"rubbish")
    rejected = [event for event in rig.events() if event.data.step is Step.REJECTED]
    assert len({event.id for event in rejected}) == 1
    assert len(rig.verifier.asked) == 2


def test_a_flood_of_distinct_messages_is_counted_but_not_told_without_end(rig: Rig) -> None:
    for number in range(500):
        rig.say(b"rubbish %d" % number)
    assert rig.status().follows[0].refused == 500
    assert len(rig.journal.history(1000)) <= 64
    rig.announce(NEW)
    assert rig.image.status().current == NEW


def test_an_hour_after_a_flood_refusals_are_told_again(rig: Rig) -> None:
    for number in range(100):
        rig.say(b"rubbish %d" % number)
    told = len(rig.events())
    rig.say(b"one more")
    assert len(rig.events()) == told
    rig.advance(timedelta(hours=1))
    rig.say(b"and another")
    assert len(rig.events()) == told + 1


def test_a_release_for_others_is_rejected(rig: Rig) -> None:
    rig.announce(NEW, requires={"arch": ("arm64",)})
    assert rig.events()[-1].data.code is Code.REQUIRES_ARCH
    assert rig.image.calls == []


# What fails


def test_an_unhealthy_image_is_left_and_never_tried_again(rig: Rig) -> None:
    rig.health.answers = [SICK]
    rig.announce(NEW)
    rig.advance(timedelta(seconds=10))
    rig.advance(timedelta(seconds=10))
    assert rig.image.status().current == OLD
    assert rig.steps()[-2:] == [Step.ROLLING_BACK, Step.ROLLED_BACK]
    assert rig.status().follows[0].quarantined == (NEW,)
    calls = len(rig.image.calls)
    rig.announce(NEW, sequence=2)
    assert len(rig.image.calls) == calls
    assert rig.ask("pardon", digest=NEW)["ok"]
    rig.health.answers = [HEALTHY]
    rig.announce(NEW, sequence=3)
    assert rig.image.status().current == NEW


def test_a_passing_fault_of_the_registry_is_tried_again(rig: Rig) -> None:
    rig.image.fail("stage", EngineError(Code.IMAGE_UNREACHABLE, "no registry answered"))
    rig.announce(NEW)
    told = rig.events()[-1].data
    assert (told.waiting_for, told.code) == ("retry", Code.IMAGE_UNREACHABLE)
    rig.advance(timedelta(minutes=1))
    assert rig.image.status().current == NEW


def test_a_final_fault_ends_the_update_and_gives_space_back(rig: Rig) -> None:
    rig.image.missing.add(NEW)
    rig.announce(NEW)
    assert rig.events()[-1].data.code is Code.IMAGE_NOT_FOUND
    assert rig.image.calls[-1] == "discard"


def test_an_engine_that_breaks_unexpectedly_ends_in_an_event(rig: Rig) -> None:
    rig.image.fail("activate", RuntimeError("surprise"))  # type: ignore[arg-type]
    rig.announce(NEW)
    assert rig.events()[-1].data.code is Code.ACTIVATE_FAILED
    rig.announce(NEWER, sequence=2)
    assert rig.image.status().current == NEWER


def test_something_else_staged_is_not_activated() -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    rig.image.discard()
    rig.advance(timedelta(hours=14))
    assert rig.events()[-1].data.code is Code.IMAGE_DIGEST_MISMATCH
    assert rig.image.status().current == OLD


def test_a_step_that_the_disk_does_not_take_is_tried_again() -> None:
    journal = FakeJournal()
    rig = Rig(journal=journal)
    journal.broken = True
    rig.announce(NEW)
    assert rig.image.calls == []
    journal.broken = False
    rig.advance(timedelta(seconds=30))
    assert rig.image.status().current == NEW
    assert rig.steps() == THROUGH


def test_a_disk_that_fails_between_two_steps_holds_nothing_up() -> None:
    journal = FakeJournal()
    rig = Rig(journal=journal)
    rig.image.halfway = lambda: setattr(journal, "broken", True)
    rig.announce(NEW)
    assert rig.image.status().current == OLD
    rig.image.halfway = lambda: None
    journal.broken = False
    rig.advance(timedelta(seconds=30))
    assert rig.image.status().current == NEW


# Power, broker, time


def test_a_reboot_proves_the_new_image() -> None:
    rig = Rig(reboots=True)
    rig.announce(NEW)
    assert rig.host.reboots == ["update to 1.0"]
    assert rig.steps()[-1] is Step.REBOOTING
    rig.restart(boot=True)
    assert rig.steps()[-2:] == [Step.PROVING, Step.SUCCEEDED]


def test_a_restart_of_the_agent_alone_asks_for_the_reboot_again() -> None:
    rig = Rig(reboots=True)
    rig.announce(NEW)
    rig.restart()
    assert len(rig.host.reboots) == 2


def test_events_wait_for_the_broker_and_go_out_in_order(rig: Rig) -> None:
    rig.broker.hold_acks = True
    rig.announce(NEW)
    rig.broker.down()
    rig.settle()
    rig.broker.hold_acks = False
    rig.broker.up()
    rig.settle()
    ids = [event.id for event in rig.events()]
    assert ids[-len(THROUGH) :] == list(dict.fromkeys(ids))
    assert rig.journal.unsent(10) == []


def test_a_restart_loses_no_event_and_repeats_no_activation() -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    rig.restart()
    rig.advance(timedelta(hours=14))
    rig.restart()
    assert rig.image.calls.count(f"activate {NEW}") == 1
    assert list(dict.fromkeys(rig.steps())) == [*THROUGH[:2], *THROUGH[3:4], Step.WAITING, *THROUGH[4:]]


def test_a_known_statement_is_no_news_after_a_restart(rig: Rig) -> None:
    rig.image.missing.add(NEW)
    rig.announce(NEW)
    told = len(rig.events())
    rig.restart()
    assert len({event.id for event in rig.events()}) == told
    assert rig.image.calls.count(f"stage {NEW}") == 1


def test_what_was_announced_during_an_activation_is_taken_up_after_it() -> None:
    rig = Rig(reboots=True)
    rig.announce(NEW)
    rig.announce(NEWER, sequence=2)
    rig.restart(boot=True)
    assert rig.steps()[-1] is Step.REBOOTING
    rig.restart(boot=True)
    assert rig.image.status().current == NEWER


def test_the_will_carries_the_connection_that_died(rig: Rig) -> None:
    first = rig.status()
    rig.broker.cut()
    will = type(first).model_validate_json(rig.broker.retained[TOPICS.will(HOST)])
    assert rig.status() == first
    rig.settle()
    second = rig.status()
    assert (will.presence, will.connection) == (Presence.OFFLINE, first.connection)
    assert (second.presence, second.connection) == (Presence.ONLINE, first.connection + 1)


def test_statuses_are_numbered_over_all_connections_of_a_start(rig: Rig) -> None:
    rig.announce(NEW)
    rig.broker.cut()
    rig.settle()
    told = [m for m in rig.broker.published if m.topic == TOPICS.status(HOST)]
    statuses = [type(rig.status()).model_validate_json(each.payload) for each in told]
    online = [each for each in statuses if each.presence is Presence.ONLINE]
    assert len(online) > 2
    assert [each.revision for each in online] == list(range(1, len(online) + 1))
    rig.agent.stop()
    assert rig.status().revision == len(online) + 1


def test_a_later_statement_of_which_nothing_comes_is_told_at_a_moment_of_the_hosts_own(rig: Rig) -> None:
    rig.announce(NEW)
    rig.splay = timedelta(seconds=20)
    rig.announce(NEW, sequence=2)
    rig.announce(NEW, sequence=3)
    assert rig.status().follows[0].sequence == 1
    rig.advance(timedelta(seconds=20))
    assert rig.status().follows[0].sequence == 3
    rig.announce(NEWER, sequence=4)
    assert rig.status().follows[0].sequence == 4


def test_the_farewell_says_what_the_host_was_left_with(rig: Rig) -> None:
    rig.announce(NEW)
    rig.agent.stop()
    status = rig.status()
    assert (status.presence, status.follows[0].state) == (Presence.OFFLINE, "succeeded")


def test_starts_are_counted(rig: Rig) -> None:
    assert rig.status().start == 1
    rig.restart()
    assert rig.status().start == 2


def test_a_channel_without_heartbeat_turns_stale(rig: Rig) -> None:
    rig.announce(NEW)
    rig.advance(timedelta(days=14))
    assert rig.events()[-1].data.step is Step.STALE
    assert rig.status().follows[0].stale_since == START + timedelta(days=14)
    rig.announce(NEW, sequence=2)
    assert rig.status().follows[0].stale_since is None


def test_the_clock_floor_outlives_a_clock_that_fell_back(rig: Rig) -> None:
    signed = rig.verifier.sign(a_statement(NEW, issued_at=START).to_json(), signed_at_least=START)
    rig.say(signed)
    rig.clock.set(datetime(1970, 1, 1, tzinfo=UTC))
    rig.announce(NEWER, sequence=2, issued_at=START - timedelta(days=30))
    assert rig.events()[-1].data.code is Code.STATEMENT_EXPIRED
    rig.announce(NEWER, sequence=3, issued_at=START)
    assert rig.image.status().current == NEWER


def test_a_channel_that_is_wiped_is_no_news(rig: Rig) -> None:
    rig.announce(NEW)
    told = len(rig.events())
    rig.say(b"")
    assert len(rig.events()) == told
    assert rig.image.status().current == NEW


# Floods


def flood(rig: Rig, name: str, count: int = 100) -> None:
    """False messages that come faster than they can be verified; none is retained."""
    for number in range(count):
        rig.broker.publish(TOPICS.channel("os", "stable"), f"{name} {number}".encode())


def test_a_statement_that_a_flood_pushed_out_is_asked_for_a_moment_later(rig: Rig) -> None:
    rig.announce(NEW, settle=False)
    flood(rig, "false")
    rig.settle()
    assert rig.image.status().current == OLD
    rig.advance(IN_A_FLOOD)
    assert rig.image.status().current == NEW


def test_a_flooded_topic_is_not_listened_to_for_a_moment() -> None:
    rig = Rig(follows=(FOLLOW, BETA))
    flood(rig, "false")
    rig.settle()
    before = len(rig.verifier.asked)
    flood(rig, "muted")
    rig.settle()
    assert len(rig.verifier.asked) == before
    rig.announce(NEWER, follow=BETA)
    assert rig.engines[BETA].status().current == NEWER, "the other topic is heard"
    rig.advance(IN_A_FLOOD)
    rig.announce(NEW)
    assert rig.image.status().current == NEW, "and so is this one, now that the flood is over"


def test_a_statement_is_decided_while_the_flood_lasts(rig: Rig) -> None:
    heard: list[int] = []

    def more() -> None:
        # With each verdict come more messages than the mailbox holds: it is never worked off.
        if rig.status().follows[0].sequence != 1:
            heard.append(len(heard))
            assert len(heard) < 100, "the statement is not found in the flood"
            flood(rig, f"number {len(heard)}", 2 * CAPACITY)

    rig.announce(NEW, settle=False)
    rig.verifier.meanwhile = more
    rig.settle()
    rig.advance(IN_A_FLOOD)
    assert rig.status().follows[0].sequence == 1


def test_what_the_channel_stands_at_is_not_verified_again_for_every_question(rig: Rig) -> None:
    genuine = rig.announce(NEW)
    # Whoever asked now would be told so.
    rig.verifier.refuse(genuine, Code.SIGNATURE_IDENTITY, "asked again")
    for number in range(40):
        flood(rig, f"round {number}", 2 * CAPACITY)
        rig.advance(IN_A_FLOOD)
    codes = {event.data.code for event in rig.events()} - {None}
    assert codes == {Code.SIGNATURE_MISSING}


# Two follows on one host


def test_one_update_at_a_time() -> None:
    rig = Rig(follows=(FOLLOW, BETA), reboots=True)
    rig.announce(NEW)
    rig.announce(NEWER, follow=BETA)
    waits = {follow.product: follow.waiting_for for follow in rig.status().follows}
    assert waits == {"os": None, "app": "turn"}
    rig.restart(boot=True)
    assert rig.status().follows[1].state == "rebooting"


# A person at the host


def test_going_back_by_hand(rig: Rig) -> None:
    rig.announce(NEW)
    assert rig.ask("rollback", reason="the fan is loud")["ok"]
    assert rig.image.status().current == OLD
    assert rig.events()[-1].data.reason == "the fan is loud"
    assert rig.ask("rollback")["code"] == Code.REQUEST_POINTLESS


def test_going_back_after_a_later_release_was_withdrawn() -> None:
    rig = Rig()
    rig.announce(NEW, version="1")
    rig.host.holds = ("not now",)
    rig.announce(NEWER, sequence=2, version="2")
    rig.announce(NEWER, sequence=3, version="2", rollout=Rollout(seed="s", state=RolloutState.REVOKED))
    status = rig.status().follows[0]
    assert (status.state, status.version, status.target_version) == ("cancelled", "1", "2")
    assert rig.ask("rollback")["ok"]
    assert rig.image.status().current == OLD
    assert rig.events()[-1].data.version == "1"


def test_a_registry_that_is_away_for_days_is_asked_until_the_statement_expires(rig: Rig) -> None:
    for _ in range(50):
        rig.image.fail("stage", EngineError(Code.IMAGE_UNREACHABLE, "no registry answered"))
    rig.announce(NEW)
    for _ in range(30):
        rig.advance(timedelta(hours=1))
    assert rig.status().follows[0].waiting_for == "retry"
    assert rig.image.calls.count(f"stage {NEW}") > 20
    rig.advance(timedelta(days=14))
    assert rig.status().follows[0].waiting_for == "statement"


def test_no_way_back_below_the_floor(rig: Rig) -> None:
    rig.announce(NEW, sequence=5)
    rig.announce(NEWER, sequence=6, floor=6)
    assert rig.ask("rollback")["code"] == Code.STATEMENT_FLOOR
    assert rig.image.status().current == NEWER


def test_a_rollback_by_hand_is_an_attempt_of_its_own(rig: Rig) -> None:
    rig.announce(NEW)
    rig.ask("rollback")
    endings = [event.data for event in rig.events() if event.data.step.final]
    assert [(data.step, data.attempt) for data in endings] == [(Step.SUCCEEDED, 1), (Step.ROLLED_BACK, 2)]


def test_a_wave_in_a_far_future_is_waited_for(rig: Rig) -> None:
    late = datetime(9999, 12, 31, tzinfo=UTC)
    rig.announce(NEW, rollout=Rollout(seed="s", waves=(Wave(name="late", opens_at=late),)))
    assert rig.status().follows[0].until == late


def test_cancelling_by_hand() -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    assert rig.ask("cancel")["ok"]
    assert rig.events()[-1].data.step is Step.CANCELLED
    assert rig.image.status().staged is None


@pytest.mark.parametrize("request_", [{"command": "dance"}, {"command": "approve", "follow": "no/such"}, {}])
def test_a_request_that_makes_no_sense_is_answered(rig: Rig, request_: dict[str, str]) -> None:
    answer = rig.ask(**{"command": "none", **request_})
    assert answer["code"] == Code.REQUEST_INVALID
