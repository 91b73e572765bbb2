"""The whole agent on fakes, where hours pass at once: late wills, disorder, an empty broker, a partition."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.rig import FOLLOW, HOST, TOPICS, Rig
from tests.support.statements import a_statement, an_event, digest_of
from tidegate_agent.engine import STATUS_TOKEN
from tidegate_agent.records import Change
from tidegate_agent.thinning import ENOUGH
from tidegate_fleet.presence import End, presence_of
from tidegate_schemas.events import Step
from tidegate_schemas.status import HostStatus, Presence

if TYPE_CHECKING:
    from tidegate_schemas.events import UpdateEvent

WILL = TOPICS.will(HOST)
CHANNEL = TOPICS.channel(FOLLOW.product, FOLLOW.channel)
HOUR = timedelta(hours=1)


def once(events: list[UpdateEvent]) -> list[str]:
    """The ids in the order of their first arrival; what came twice was the same."""
    told: dict[str, UpdateEvent] = {}
    for event in events:
        assert told.setdefault(event.id, event) == event
    return list(told)


def journalled(rig: Rig) -> list[str]:
    return [event.id for event in reversed(rig.journal.history(100_000))]


def test_a_will_that_comes_after_the_birth_hides_nothing() -> None:
    rig = Rig()
    will = HostStatus.model_validate_json(rig.agent.will().payload)
    rig.broker.cut()
    rig.settle()
    birth = rig.status()
    rig.broker.publish(WILL, will.to_json(), retain=True)
    assert rig.status() == birth
    assert presence_of(birth, End.told_by(will)) is Presence.ONLINE


def test_a_host_that_vanishes_leaves_what_it_told_last_beside_its_will() -> None:
    rig = Rig()
    rig.announce(digest_of("a"))
    told = rig.status()
    rig.broker.sever()
    will = HostStatus.model_validate_json(rig.broker.retained[WILL])
    assert rig.status() == told
    assert presence_of(told, End.told_by(will)) is Presence.OFFLINE


def test_a_status_that_the_broker_lost_is_told_again_within_hours() -> None:
    rig = Rig()
    rig.advance(HOUR)
    rig.broker.retained.clear()
    rig.advance(6 * HOUR)
    assert rig.status().presence is Presence.ONLINE


def test_a_broker_that_is_replaced_by_an_empty_one_changes_nothing_on_the_host() -> None:
    rig = Rig()
    rig.announce(digest_of("a"))
    before = once(rig.events())
    rig.broker.down()
    rig.broker.retained.clear()
    rig.broker.up()
    rig.settle()
    assert rig.status().follows[0].current == digest_of("a")
    assert once(rig.events()) == before == journalled(rig)
    rig.announce(digest_of("b"), sequence=2)
    assert rig.image.status().current == digest_of("b")


def test_a_partition_of_an_hour_in_the_middle_of_an_update() -> None:
    rig = Rig()
    rig.announce(digest_of("a"), settle=False)
    rig.broker.sever()
    rig.settle()
    for _ in range(60):
        rig.advance(timedelta(minutes=1))
    rig.announce(digest_of("b"), sequence=2)
    rig.advance(HOUR)
    assert rig.image.status().current != digest_of("b")
    rig.broker.up()
    rig.settle()
    assert rig.image.status().current == digest_of("b")
    assert once(rig.events()) == journalled(rig)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=8))
def test_statements_that_come_twice_and_in_any_order_leave_the_newest(order: list[tuple[int, bool]]) -> None:
    rig = Rig()
    digests = [digest_of(letter) for letter in "abcde"]
    messages = [
        rig.verifier.sign(a_statement(each, sequence=n, issued_at=rig.clock.now()).to_json())
        for n, each in enumerate(digests, start=1)
    ]
    for place, cut in order:
        rig.say(messages[place])
        if cut:
            rig.broker.cut()
            rig.settle()
    assert rig.image.status().current == digests[max(place for place, _ in order)]
    succeeded = [event.data.digest for event in rig.events() if event.data.step is Step.SUCCEEDED]
    assert len(set(succeeded)) == len(succeeded)
    assert once(rig.events()) == journalled(rig)


def test_a_broker_that_takes_one_message_at_a_time_gets_events_after_a_status() -> None:
    """Only the status's PUBACK tells that there is room again for an event."""
    rig = Rig()
    rig.journal.commit(Change(FOLLOW, events=(an_event(Step.STALE),)))
    assert rig.events() == []
    rig.agent.acknowledged(STATUS_TOKEN)
    rig.settle()
    assert rig.steps() == [Step.STALE]


def test_what_the_broker_refuses_is_offered_again_by_the_clock() -> None:
    rig = Rig()
    rig.broker.hold_acks = True
    rig.journal.commit(Change(FOLLOW, events=(an_event(Step.STALE),)))
    rig.agent.acknowledged(STATUS_TOKEN)
    rig.settle()
    [letter] = rig.journal.unsent(9)
    rig.agent.refused(letter.token)
    rig.settle()
    rig.advance(timedelta(seconds=29))
    assert len(rig.events()) == 1
    rig.advance(timedelta(seconds=2))
    assert [event.id for event in rig.events()] == [letter.event.id] * 2


def test_a_broker_that_takes_nothing_costs_progress_which_the_status_counts() -> None:
    rig = Rig()
    rig.broker.hold_acks = True
    wait = an_event(Step.WAITING)
    waits = tuple(wait.model_copy(update={"id": f"wait-{number}"}) for number in range(ENOUGH))
    rig.journal.commit(Change(FOLLOW, events=waits))
    assert rig.status().events_dropped == 0
    rig.announce(digest_of("a"))
    dropped = rig.status().events_dropped
    assert dropped > 0
    left = [letter.event for letter in rig.journal.unsent(3 * ENOUGH)]
    assert sum(event.id.startswith("wait-") for event in left) == ENOUGH - dropped
    assert {event.data.step for event in left} >= {Step.ACCEPTED, Step.STAGED, Step.SUCCEEDED}
