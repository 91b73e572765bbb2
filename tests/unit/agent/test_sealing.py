"""Events under a device key: signed or not sent, in order, and none lost while the key is away."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.signer import FakeSigner
from tests.fakes.timer import FakeTimer
from tests.support.statements import an_event
from tidegate_agent.model import Follow, Outgoing, Protocol
from tidegate_agent.outbox import IN_FLIGHT, Outbox
from tidegate_agent.records import Change
from tidegate_agent.sealing import FIRST_PAUSE, LONGEST_PAUSE, Sealing, signable
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.envelope import EVENT_BYTES, read_event
from tidegate_schemas.media_types import ENVELOPE
from tidegate_wire.trust.device import verify_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tidegate_schemas.events import UpdateEvent

FOLLOW = Follow("os", "stable")
LOCKED = TidegateError(Code.EVENT_SIGNING, "the token is locked")


class OpenBus:
    """Takes everything; acknowledges nothing by itself."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def publish(self, message: Outgoing) -> bool:
        self.sent.append(message)
        return True

    def start(self, *_: object) -> None: ...
    def resubscribe(self) -> None: ...

    def mute(self, topics: Sequence[str]) -> None: ...
    def stop(self, *_: object) -> None: ...


class Setting:
    """An outbox with a device key. The worker's calls and the engine's are run when the test says so."""

    def __init__(self, letters: int, journal: FakeJournal | None = None) -> None:
        self.clock = FakeClock()
        self.signer = FakeSigner()
        self.bus = OpenBus()
        self.journal = journal or FakeJournal()
        self.work: deque[Callable[[], None]] = deque()
        self._posted: deque[Callable[[], None]] = deque()
        self.tell(letters)
        self.sealing = Sealing(
            self.signer, self.clock, FakeTimer(self.clock), self._posted.append, self.work.append
        )
        self.outbox = Outbox(self.journal, self.bus, "t/hosts/edge-1/events", lambda _: None, self.sealing)

    def tell(self, letters: int) -> None:
        """More events."""
        before = len(self.journal.history(10_000))
        written = tuple(
            an_event().model_copy(update={"id": f"event-{before + n}"}) for n in range(1, letters + 1)
        )
        self.journal.commit(Change(FOLLOW, events=written))

    def connect(self, protocol: Protocol = Protocol.V5) -> None:
        self.outbox.connected(protocol)
        self.outbox.pump()

    def settle(self) -> None:
        """Run all work, and look at the outbox after each call, as the engine does."""
        while self.work or self._posted:
            while self.work:
                self.work.popleft()()
            while self._posted:
                self._posted.popleft()()
                self.outbox.pump()

    def read(self) -> list[str]:
        """The ids of what was sent, in order; every one must be signed."""
        signed = [verify_event(message.payload, [self.signer.key]) for message in self.bus.sent]
        return [read_event(each.payload).id for each in signed]


def ids(first: int, last: int) -> list[str]:
    return [f"event-{n}" for n in range(first, last + 1)]


@pytest.fixture
def lines() -> Iterator[list[str]]:
    found: list[str] = []
    sink = logger.add(lambda message: found.append(str(message)), format="{level} {message}")
    yield found
    logger.remove(sink)


@pytest.mark.parametrize("protocol", list(Protocol))
def test_events_go_out_signed_in_every_protocol_version(protocol: Protocol) -> None:
    setting = Setting(3)
    setting.connect(protocol)
    setting.settle()
    assert setting.read() == ids(1, 3)
    assert {message.content_type for message in setting.bus.sent} == {ENVELOPE}
    assert {message.properties for message in setting.bus.sent} == {()}


def test_nothing_goes_out_while_it_is_being_signed() -> None:
    setting = Setting(3)
    setting.connect()
    setting.outbox.pump()
    assert setting.bus.sent == []
    assert len(setting.work) == 1
    setting.settle()
    assert setting.signer.asked == [3]


def test_what_comes_later_waits_its_turn() -> None:
    setting = Setting(2)
    setting.connect()
    setting.tell(3)
    setting.outbox.pump()
    setting.settle()
    assert setting.read() == ids(1, 5)
    assert setting.signer.asked == [2, 3]


def test_many_go_out_in_order_and_few_at_a_time() -> None:
    setting = Setting(50)
    setting.connect()
    setting.settle()
    assert setting.read() == ids(1, IN_FLIGHT)
    for token in range(1, 51):
        setting.outbox.acknowledged(token)
        setting.settle()
    assert setting.read() == ids(1, 50)
    assert setting.journal.unsent(100) == []
    assert sum(setting.signer.asked) == 50


def test_a_new_connection_sends_the_same_bytes_again() -> None:
    setting = Setting(2)
    setting.connect()
    setting.settle()
    setting.outbox.disconnected()
    setting.connect(Protocol.V311)
    setting.settle()
    payloads = [message.payload for message in setting.bus.sent]
    assert payloads[:2] == payloads[2:]
    assert setting.signer.asked == [2]


def test_a_key_that_cannot_be_used_keeps_events_and_is_told_once(lines: list[str]) -> None:
    setting = Setting(2)
    setting.signer.broken = LOCKED
    setting.connect()
    setting.settle()
    for _ in range(20):
        setting.clock.advance(LONGEST_PAUSE)
        setting.settle()
    assert setting.bus.sent == []
    assert len(setting.journal.unsent(10)) == 2
    assert [line.strip() for line in lines if LOCKED.reason in line] == [
        "ERROR [event.signing] the token is locked; events are kept until they can be signed"
    ]
    setting.tell(1)
    setting.signer.broken = None
    setting.clock.advance(LONGEST_PAUSE)
    setting.settle()
    assert setting.read() == ids(1, 3)
    assert any("INFO events are signed" in line for line in lines)


def test_a_broken_key_is_asked_with_growing_pauses() -> None:
    setting = Setting(1)
    setting.signer.broken = LOCKED
    setting.connect()
    setting.settle()
    for _ in range(3600):
        setting.clock.advance(timedelta(seconds=1))
        setting.outbox.pump()
        setting.settle()
    # 5, 15, 35, 75, 155, 315, then every five minutes.
    assert len(setting.signer.asked) == 1 + 6 + (3600 - 315) // 300
    assert FIRST_PAUSE < LONGEST_PAUSE


def test_a_signer_that_breaks_in_any_way_ends_nothing() -> None:
    setting = Setting(1)
    setting.signer.broken = ZeroDivisionError()
    setting.connect()
    setting.settle()
    setting.signer.broken = None
    setting.clock.advance(FIRST_PAUSE)
    setting.settle()
    assert setting.read() == ids(1, 1)


def test_the_key_is_known_before_the_first_event() -> None:
    setting = Setting(0)
    setting.signer.broken = LOCKED
    setting.sealing.begin()
    setting.settle()
    known = [setting.sealing.key_id]
    setting.signer.broken = None
    setting.clock.advance(FIRST_PAUSE)
    setting.settle()
    known.append(setting.sealing.key_id)
    assert known == [None, setting.signer.key.id]
    assert setting.signer.asked == [0, 0]


def test_a_key_that_goes_away_is_not_named_until_it_is_back() -> None:
    setting = Setting(1)
    setting.connect()
    setting.settle()
    named = [setting.sealing.key_id]
    setting.signer.broken = LOCKED
    setting.tell(1)
    setting.outbox.pump()
    setting.settle()
    named.append(setting.sealing.key_id)
    setting.signer.broken = None
    setting.clock.advance(FIRST_PAUSE)
    setting.settle()
    named.append(setting.sealing.key_id)
    key = setting.signer.key.id
    assert named == [key, None, key]
    assert setting.read() == ids(1, 2)


def test_what_a_start_without_a_key_left_in_the_journal_is_signed_by_the_next() -> None:
    journal = FakeJournal()
    unsigned = OpenBus()
    setting = Setting(3, journal)
    plain = Outbox(journal, unsigned, "t/hosts/edge-1/events", lambda _: None)
    plain.connected(Protocol.V5)
    plain.pump()
    assert len(unsigned.sent) == 3
    setting.connect()
    setting.settle()
    assert setting.read() == ids(1, 3)


def _with(event: UpdateEvent, **changes: object) -> UpdateEvent:
    return event.model_copy(update={"data": event.data.model_copy(update=changes)})


def test_an_event_that_is_too_large_goes_without_its_details() -> None:
    details = {f"check {n}": "x" * limits.TEXT for n in range(limits.ITEMS)}
    large = _with(an_event(), details=details, reason="y" * limits.TEXT)
    assert len(large.to_json()) > EVENT_BYTES
    signed = signable(large)
    assert len(signed) <= EVENT_BYTES
    told = read_event(signed)
    assert (told.id, told.data.step, told.data.details) == (large.id, large.data.step, {})
    small = _with(an_event(), details={"check": "failed"})
    assert signable(small) == small.to_json()
