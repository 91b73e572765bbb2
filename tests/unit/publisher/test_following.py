from __future__ import annotations

import pytest

from tests.support.statements import a_status, an_event, digest_of
from tidegate_fleet.words import Heard, HostEvent, read_host_message
from tidegate_publisher.following import Follower, Selection
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step, UpdateData, UpdateEvent, encode
from tidegate_schemas.status import Presence
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.messages import Message


def event_of(host: str, step: Step = Step.SUCCEEDED, product: str = "os") -> UpdateEvent:
    event = an_event(step)
    data = event.data.model_copy(update={"product": product})
    return event.model_copy(update={"subject": host, "id": f"{host}/{product}/{step}", "data": data})


def test_enough_different_hosts() -> None:
    follower = Follower(Selection(), Step.SUCCEEDED, wanted=2)
    assert follower.take(event_of("a"))
    assert not follower.take(event_of("a"))
    assert not follower.done
    follower.take(event_of("b", Step.STAGED))
    assert not follower.done
    follower.take(event_of("b"))
    assert follower.done


def test_a_host_cannot_take_anothers_event_away_by_using_its_id() -> None:
    follower = Follower(Selection(), Step.SUCCEEDED)
    genuine = event_of("b", Step.FAILED)
    assert follower.take(event_of("a").model_copy(update={"id": genuine.id}))
    assert follower.take(genuine)
    assert follower.ended_badly == {"b"}


@pytest.mark.parametrize("step", [Step.FAILED, Step.REJECTED, Step.ROLLED_BACK])
def test_a_bad_end_is_a_failure_only_for_who_waits_for_a_good_one(step: Step) -> None:
    waiting, watching = Follower(Selection(), Step.SUCCEEDED), Follower(Selection())
    provoking = Follower(Selection(), step)
    for follower in (waiting, watching, provoking):
        follower.take(event_of("a", step))
    assert (waiting.failed, watching.failed, provoking.failed) == (True, False, False)
    assert (waiting.done, provoking.done) == (False, True)


@pytest.mark.parametrize("code", [None, Code.REQUEST_REPLAYED])
@pytest.mark.parametrize("until", [Step.SUCCEEDED, Step.ACCEPTED, Step.FAILED])
def test_an_answer_to_a_request_is_no_step_of_a_rollout(until: Step, code: Code | None) -> None:
    """One that names no channel is shown all the same, unless a channel was asked for."""
    data = UpdateData(step=Step.ANSWERED, code=code, details={"outcome": "refused" if code else "done"})
    answer = event_of("a").model_copy(update={"data": data})
    everything, one_channel = Follower(Selection(), until), Follower(Selection(product="os"), until)
    assert (everything.take(answer), one_channel.take(answer)) == (True, False)
    assert [(each.done, each.failed) for each in (everything, one_channel)] == [(False, False)] * 2


def test_only_what_was_asked_for() -> None:
    follower = Follower(Selection(product="os", hosts=frozenset({"a"})), Step.SUCCEEDED)
    assert not follower.take(event_of("b"))
    assert not follower.take(event_of("a", product="app"))
    assert follower.take(event_of("a"))


@pytest.mark.parametrize("binary", [True, False])
def test_events_are_read_in_both_modes_and_only_for_their_own_host(binary: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    encoded = encode(an_event(), binary=binary)
    topics = Topics()

    def read(topic: str, payload: bytes = encoded.payload) -> Heard:
        message = Message(topic, payload, False, encoded.content_type, encoded.properties)  # noqa: FBT003 -- retained
        return read_host_message(message, topics)

    assert read(topics.events("edge-1")) == HostEvent(an_event())
    assert read(topics.events("edge-2")) is None
    assert read("elsewhere") is None
    assert read(topics.events("edge-1"), b"junk") is None
    assert read(topics.events("edge-1"), encoded.payload + b" " * 70000) is None


def test_a_status_is_read_only_from_its_own_host() -> None:
    topics, status = Topics(), a_status("edge-1")

    def read(topic: str) -> object:
        return read_host_message(Message(topic, status.to_json(), True, "", ()), topics)  # noqa: FBT003 -- retained

    assert read(topics.status("edge-1")) == status
    assert read(topics.status("edge-2")) is None
    assert read(topics.events("edge-1")) is None
    assert read(topics.requests("edge-1")) is None


OURS = Selection("os", "stable", sequence=7)


def waiting(selection: Selection = OURS, until: Step = Step.SUCCEEDED, wanted: int = 1) -> Follower:
    return Follower(selection, until, wanted)


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ({}, True),
        ({"sequence": 8}, True),
        ({"sequence": 6}, False),
        ({"sequence": None}, False),
        ({"state": "staged"}, False),
        ({"state": "idle"}, False),
        ({"state": "what a later version says"}, False),
        ({"product": "app"}, False),
        ({"channel": "beta"}, False),
    ],
)
def test_a_host_that_is_done_already_counts_by_its_status(said: dict[str, object], counts: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    follower = waiting()
    told = follower.take_status(a_status("a", **{"sequence": 7, **said}))
    assert (follower.done, bool(told)) == (counts, counts)


def test_what_an_offline_host_said_last_counts_and_a_bare_will_does_not() -> None:
    follower = waiting(wanted=2)
    offline = {"presence": Presence.OFFLINE}
    follower.take_status(a_status("a", sequence=7).model_copy(update=offline))
    follower.take_status(a_status("b", sequence=7).model_copy(update={**offline, "follows": ()}))
    assert follower.reached == {"a"}


def test_a_host_is_counted_once_by_event_and_status() -> None:
    follower = waiting(wanted=2)
    assert follower.take_status(a_status("a", sequence=7))
    assert follower.take_status(a_status("a", sequence=8)) == []
    assert follower.take(sequenced("a", 7))
    assert not follower.done
    follower.take(sequenced("b", 9))
    assert follower.done


def sequenced(host: str, sequence: int | None, step: Step = Step.SUCCEEDED) -> UpdateEvent:
    event = event_of(host, step)
    return event.model_copy(update={"data": event.data.model_copy(update={"sequence": sequence})})


def test_an_older_releases_success_does_not_count() -> None:
    follower = waiting()
    assert not follower.take(sequenced("a", 6))
    assert not follower.done
    assert follower.take(sequenced("b", 7))
    assert follower.done


def test_a_message_that_could_not_be_verified_is_shown_and_fails_nobody() -> None:
    follower = waiting()
    assert follower.take(sequenced("a", None, Step.REJECTED))
    assert not follower.failed
    follower.take(sequenced("b", 7, Step.REJECTED))
    assert follower.failed


def test_without_a_sequence_no_status_counts() -> None:
    follower = waiting(Selection("os", "stable"))
    assert follower.take_status(a_status("a", sequence=7)) == []
    assert not follower.done


def test_the_state_of_the_update_before_is_not_taken_for_ours() -> None:
    # A host past the point of no return accepts sequence 7 while it still ends 6: state and target are 6's.
    late = a_status("a", sequence=7, state="failed", target=digest_of("b"))
    exact = waiting(Selection("os", "stable", sequence=7, digest=digest_of("a")))
    assert exact.take_status(late) == []
    assert not exact.failed
    assert not exact.take(
        an_event().model_copy(
            update={"id": "x", "data": sequenced("a", 8).data.model_copy(update={"digest": digest_of("b")})}
        )
    )
    exact.take_status(a_status("a", sequence=7))
    assert exact.done


def test_a_bad_end_in_a_status_is_one() -> None:
    follower = waiting()
    follower.take_status(a_status("a", sequence=7, state="rolled-back"))
    assert follower.failed


@pytest.mark.parametrize(
    ("until", "state", "counts"),
    [
        (Step.STAGED, "succeeded", True),
        (Step.STAGED, "staging", False),
        (Step.FAILED, "succeeded", False),
        (Step.FAILED, "failed", True),
        (Step.STAGED, "failed", False),
    ],
)
def test_who_is_further_has_come_that_far(until: Step, state: str, counts: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    follower = waiting(until=until)
    follower.take_status(a_status("a", sequence=7, state=state))
    assert follower.done is counts
