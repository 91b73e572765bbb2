"""Whatever connection, broker and signer do: no event is lost, each goes out as it is, and in order."""

from __future__ import annotations

from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fakes.journal import FakeJournal
from tests.support.statements import an_event
from tidegate_agent.model import Follow, Outgoing, Protocol
from tidegate_agent.outbox import IN_FLIGHT, Outbox
from tidegate_agent.records import Change
from tidegate_schemas import events

FOLLOW: Final = Follow("os", "stable")


class Line:
    """A connection that comes and goes; the broker's end of it acknowledges what the test chooses."""

    def __init__(self) -> None:
        self.open = False
        self.room = 100
        self.flying: list[Outgoing] = []
        self.seen: list[Outgoing] = []

    def publish(self, message: Outgoing) -> bool:
        if not self.open or len(self.flying) >= self.room:
            return False
        self.flying.append(message)
        self.seen.append(message)
        return True

    def start(self, *_: object) -> None: ...
    def resubscribe(self) -> None: ...
    def mute(self, *_: object) -> None: ...
    def stop(self, *_: object) -> None: ...


class Deliveries(RuleBasedStateMachine):
    """Events are told, connections come and go, PUBACKs come late, out of order, as refusals, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = FakeJournal()
        self.line = Line()
        self.waiting = False
        self.told = 0
        self.taken: list[int] = []
        self.begin()

    def begin(self) -> None:
        self.outbox = Outbox(self.journal, self.line, "t", lambda _: setattr(self, "waiting", True))

    @rule(count=st.integers(1, 40))
    def tell(self, count: int) -> None:
        first = self.told + 1
        self.told += count
        written = [an_event().model_copy(update={"id": str(n)}) for n in range(first, self.told + 1)]
        self.journal.commit(Change(FOLLOW, events=tuple(written)))
        self.outbox.pump()

    @rule(protocol=st.sampled_from(Protocol), room=st.sampled_from([1, 3, 100]))
    def connect(self, protocol: Protocol, room: int) -> None:
        self.line.open, self.line.room = True, room
        self.line.flying.clear()
        self.outbox.connected(protocol)
        before = len(self.line.seen)
        self.outbox.pump()
        # A new connection begins with the oldest that is not acknowledged, and leaves none out.
        expected = [letter.token for letter in self.journal.unsent(min(IN_FLIGHT, room))]
        assert [message.token for message in self.line.seen[before:]] == expected

    @rule()
    def cut(self) -> None:
        self.line.open = False
        self.outbox.disconnected()
        self.outbox.pump()

    @rule()
    def lose_power(self) -> None:
        self.line.open = False
        self.line.flying.clear()
        self.begin()

    @precondition(lambda self: self.line.flying)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        message = self.line.flying.pop(data.draw(st.integers(0, len(self.line.flying) - 1)))
        # The broker has it, whether or not its word still reaches the host.
        self.taken.append(message.token)
        if self.line.open:
            self.outbox.acknowledged(message.token)

    @precondition(lambda self: self.line.flying and self.line.open)
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        message = self.line.flying.pop(data.draw(st.integers(0, len(self.line.flying) - 1)))
        self.outbox.refused(message.token)

    @precondition(lambda self: self.waiting)
    @rule()
    def time_passes(self) -> None:
        self.waiting = False
        self.outbox.try_again()

    @invariant()
    def few_are_on_their_way(self) -> None:
        assert len(self.line.flying) <= IN_FLIGHT

    @invariant()
    def none_is_lost(self) -> None:
        left = {letter.token for letter in self.journal.unsent(10_000)}
        assert left | set(self.taken) == set(range(1, self.told + 1))

    def teardown(self) -> None:
        """A broker that works takes all that is left, in order, and nothing differs from what was told."""
        left = [letter.token for letter in self.journal.unsent(10_000)]
        self.line.open, self.line.room = True, 100
        self.line.flying.clear()
        self.line.seen.clear()
        self.outbox.connected(Protocol.V5)
        self.outbox.pump()
        while self.line.flying:
            self.outbox.acknowledged(self.line.flying.pop(0).token)
        assert [message.token for message in self.line.seen] == left
        ids = [events.decode(message.payload, message.properties).id for message in self.line.seen]
        assert ids == [str(token) for token in left]
        assert self.journal.unsent(1) == []


class TestDeliveries(Deliveries.TestCase):  # type: ignore[misc, valid-type] # hypothesis makes it at run time
    settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
