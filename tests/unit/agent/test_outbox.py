"""The outbox: in order, few at a time, again after a new connection, forgotten once acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.journal import FakeJournal
from tests.support.statements import an_event
from tidegate_agent.errors import JournalError
from tidegate_agent.model import Follow, Outgoing, Protocol
from tidegate_agent.outbox import FIRST_PAUSE, IN_FLIGHT, LONGEST_PAUSE, Outbox
from tidegate_agent.records import Change
from tidegate_schemas import events, limits
from tidegate_schemas.codes import Code
from tidegate_schemas.envelope import EVENT_BYTES
from tidegate_schemas.media_types import BINARY, STRUCTURED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

FOLLOW = Follow("os", "stable")


class SlowBus:
    """Takes messages while it is open; acknowledges nothing by itself."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.open = True

    def publish(self, message: Outgoing) -> bool:
        if self.open:
            self.sent.append(message)
        return self.open

    def start(self, *_: object) -> None: ...
    def resubscribe(self) -> None: ...

    def mute(self, topics: Sequence[str]) -> None: ...
    def stop(self, *_: object) -> None: ...

    @property
    def tokens(self) -> list[int]:
        return [message.token for message in self.sent]


class FullOnce(FakeJournal):
    """Has no space left for the first acknowledgement."""

    full = True

    def sent(self, token: int) -> None:
        full, self.full = self.full, False
        if full:
            raise JournalError(Code.DISK_FULL, "no space is left")
        super().sent(token)


class Setting:
    def __init__(self, letters: int) -> None:
        self.bus = SlowBus()
        self.journal = FakeJournal()
        event = an_event()
        written = tuple(event.model_copy(update={"id": f"event-{n}"}) for n in range(1, letters + 1))
        self.journal.commit(Change(FOLLOW, events=written))
        self.pauses: list[timedelta] = []
        self.outbox = Outbox(self.journal, self.bus, "t/hosts/edge-1/events", self.pauses.append)


def test_nothing_goes_out_before_a_connection() -> None:
    setting = Setting(3)
    setting.outbox.pump()
    assert setting.bus.sent == []


def test_only_so_many_are_on_their_way() -> None:
    setting = Setting(IN_FLIGHT + 5)
    setting.outbox.connected(Protocol.V5)
    for _ in range(3):
        setting.outbox.pump()
    assert setting.bus.tokens == list(range(1, IN_FLIGHT + 1))
    setting.outbox.acknowledged(3)
    assert setting.bus.tokens[IN_FLIGHT:] == [IN_FLIGHT + 1]


def test_an_acknowledgement_that_the_disk_does_not_take_counts_when_it_is_tried_again() -> None:
    journal, bus = FullOnce(), SlowBus()
    journal.commit(Change(FOLLOW, events=(an_event(),)))
    outbox = Outbox(journal, bus, "t/hosts/edge-1/events", lambda _: None)
    outbox.connected(Protocol.V5)
    outbox.pump()
    with pytest.raises(JournalError):
        outbox.acknowledged(1)
    outbox.acknowledged(1)
    assert journal.unsent(1) == []


def test_all_go_out_in_order_and_are_forgotten() -> None:
    setting = Setting(50)
    setting.outbox.connected(Protocol.V5)
    setting.outbox.pump()
    for token in range(1, 51):
        setting.outbox.acknowledged(token)
    assert setting.bus.tokens == list(range(1, 51))
    assert setting.journal.unsent(100) == []


def test_a_double_or_foreign_acknowledgement_is_nothing() -> None:
    setting = Setting(IN_FLIGHT + 5)
    setting.outbox.connected(Protocol.V5)
    setting.outbox.pump()
    for token in (1, 1, 1, 999, -1):
        setting.outbox.acknowledged(token)
    assert setting.bus.tokens == list(range(1, IN_FLIGHT + 2))
    assert [letter.token for letter in setting.journal.unsent(2)] == [2, 3]


def test_what_was_not_acknowledged_goes_out_again_on_the_next_connection() -> None:
    setting = Setting(4)
    setting.outbox.connected(Protocol.V5)
    setting.outbox.pump()
    setting.outbox.acknowledged(2)
    setting.outbox.disconnected()
    setting.outbox.pump()
    setting.outbox.acknowledged(3)
    setting.outbox.connected(Protocol.V311)
    setting.outbox.pump()
    assert setting.bus.tokens == [1, 2, 3, 4, 1, 4]


def test_a_bus_that_takes_no_more_is_asked_again_later() -> None:
    setting = Setting(2)
    setting.outbox.connected(Protocol.V5)
    setting.bus.open = False
    setting.outbox.pump()
    setting.bus.open = True
    setting.outbox.pump()
    assert setting.bus.tokens == [1, 2]


@pytest.mark.parametrize(("protocol", "kind"), [(Protocol.V5, BINARY), (Protocol.V311, STRUCTURED)])
def test_the_protocol_decides_the_mode(protocol: Protocol, kind: str) -> None:
    setting = Setting(1)
    setting.outbox.connected(protocol)
    setting.outbox.pump()
    [message] = setting.bus.sent
    assert (message.content_type, message.retain) == (kind, False)
    assert events.decode(message.payload, message.properties).id == "event-1"


def test_what_the_broker_refuses_is_offered_again_and_nothing_newer_meanwhile() -> None:
    setting = Setting(IN_FLIGHT + 4)
    setting.outbox.connected(Protocol.V5)
    setting.outbox.pump()
    for token in (2, 5):
        setting.outbox.refused(token)
    for token in (1, 3, 4):
        setting.outbox.acknowledged(token)
    setting.outbox.pump()
    assert setting.bus.tokens == list(range(1, IN_FLIGHT + 1))
    assert setting.pauses == [FIRST_PAUSE]
    setting.outbox.try_again()
    assert setting.bus.tokens[IN_FLIGHT:] == [2, 5, 17, 18, 19]


def test_a_broker_that_is_full_is_asked_ever_more_rarely_until_it_takes_something() -> None:
    setting = Setting(1)
    setting.outbox.connected(Protocol.V5)
    setting.outbox.pump()
    for _ in range(10):
        setting.outbox.refused(1)
        setting.outbox.try_again()
    assert setting.bus.tokens == [1] * 11
    assert setting.pauses[0] == FIRST_PAUSE
    assert setting.pauses == sorted(setting.pauses)
    assert setting.pauses[-1] == LONGEST_PAUSE
    setting.outbox.acknowledged(1)
    assert setting.journal.unsent(9) == []


def test_an_event_that_is_never_taken_does_not_keep_the_others_back() -> None:
    setting = Setting(3 * IN_FLIGHT)
    setting.outbox.connected(Protocol.V5)
    setting.outbox.pump()
    for _ in range(10):
        flying = setting.bus.tokens
        setting.outbox.refused(1)
        for token in flying:
            if token != 1:
                setting.outbox.acknowledged(token)
        setting.outbox.try_again()
    assert [letter.token for letter in setting.journal.unsent(99)] == [1]


def test_an_event_that_is_too_large_for_a_message_goes_without_details() -> None:
    setting = Setting(0)
    event = an_event()
    details = {str(number): "x" * limits.TEXT for number in range(limits.ITEMS)}
    large = event.model_copy(update={"data": event.data.model_copy(update={"details": details})})
    setting.journal.commit(Change(FOLLOW, events=(large,)))
    setting.outbox.connected(Protocol.V5)
    setting.outbox.pump()
    [message] = setting.bus.sent
    assert len(message.payload) <= EVENT_BYTES
    assert events.decode(message.payload, message.properties) == event
