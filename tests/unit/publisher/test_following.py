from __future__ import annotations

import pytest

from tests.support.statements import an_event
from tidegate_publisher.commands.events import read_event
from tidegate_publisher.following import Follower, Selection
from tidegate_schemas.events import Step, UpdateEvent, encode
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


@pytest.mark.parametrize("step", [Step.FAILED, Step.REJECTED, Step.ROLLED_BACK])
def test_a_bad_end_is_a_failure_only_for_who_waits_for_a_good_one(step: Step) -> None:
    waiting, watching = Follower(Selection(), Step.SUCCEEDED), Follower(Selection())
    provoking = Follower(Selection(), step)
    for follower in (waiting, watching, provoking):
        follower.take(event_of("a", step))
    assert (waiting.failed, watching.failed, provoking.failed) == (True, False, False)
    assert (waiting.done, provoking.done) == (False, True)


def test_only_what_was_asked_for() -> None:
    follower = Follower(Selection(product="os", hosts=frozenset({"a"})), Step.SUCCEEDED)
    assert not follower.take(event_of("b"))
    assert not follower.take(event_of("a", product="app"))
    assert follower.take(event_of("a"))


@pytest.mark.parametrize("binary", [True, False])
def test_events_are_read_in_both_modes_and_only_for_their_own_host(binary: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    encoded = encode(an_event(), binary=binary)
    topics = Topics()

    def read(topic: str, payload: bytes = encoded.payload) -> UpdateEvent | None:
        return read_event(Message(topic, payload, False, encoded.content_type, encoded.properties), topics)  # noqa: FBT003 -- retained

    assert read(topics.events("edge-1")) == an_event()
    assert read(topics.events("edge-2")) is None
    assert read("elsewhere") is None
    assert read(topics.events("edge-1"), b"junk") is None
    assert read(topics.events("edge-1"), encoded.payload + b" " * 70000) is None
