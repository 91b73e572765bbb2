"""A broker and its clients in memory, obeying the contract of `ports.Bus` (tests/contract/test_bus.py).

Everything happens at once and on the caller's thread; only the script of the test moves it: `down`, `up`,
`cut`, `hold_acks`, `release_acks`. A fake client comes back by itself as soon as the broker is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidegate_agent.model import Failure, Protocol
from tidegate_schemas import limits
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.model import Outgoing
    from tidegate_agent.ports import BusListener


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic filter selects a topic (MQTT 5.0, section 4.7)."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in {"+", levels[index]}:
            return False
    return len(wanted) == len(levels)


@dataclass(slots=True)
class _Session:
    topics: Sequence[str]
    queue: list[tuple[str, bytes, bool]] = field(default_factory=list)
    client: FakeBus | None = None


class FakeBroker:
    """Keeps retained messages, sessions and a record of everything published.

    Attributes:
        published: every message that reached the broker, wills included, in order.
        retained: what is stored, by topic.
        hold_acks: while true, PUBACKs wait for `release_acks`.
    """

    def __init__(self, protocol: Protocol = Protocol.V5) -> None:
        self.protocol = protocol
        self.published: list[Outgoing] = []
        self.retained: dict[str, bytes] = {}
        self.hold_acks = False
        self._reachable = True
        self._sessions: dict[str, _Session] = {}
        self._started: list[FakeBus] = []
        self._held: list[tuple[FakeBus, int]] = []

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish as somebody else would: to every session that asked for the topic."""
        if retain:
            self.retained[topic] = payload
        for session in self._sessions.values():
            if any(matches(wanted, topic) for wanted in session.topics):
                session.queue.append((topic, payload, False))
                self._flush(session)

    def down(self) -> None:
        """The broker goes away; nobody gets to say goodbye. What it stored survives."""
        self._reachable = False
        self._lose_all("The connection was lost")

    def up(self) -> None:
        """The broker is back, and so are its clients."""
        self._reachable = True
        for client in list(self._started):
            client.connect()

    def wipe(self) -> None:
        """Its storage is lost: nothing is retained, and no session is known. Call it while it is down."""
        self.retained.clear()
        self._sessions.clear()

    def cut(self) -> None:
        """The network drops every connection for a moment: wills are published, and the clients come back."""
        self.sever()
        self.up()

    def sever(self) -> None:
        """The network drops every connection and lets none through until `up`: wills are published."""
        self._reachable = False
        self._lose_all("The connection was lost", wills=True)

    def bury(self, client: FakeBus) -> None:
        """A client dies without a goodbye: its will is published, and it does not come back."""
        if client in self._started:
            self._started.remove(client)
        self._held = [(each, token) for each, token in self._held if each is not client]
        for session in self._sessions.values():
            if session.client is client:
                session.client = None
                self._publish_will(client.lose(Failure(Code.BUS_UNREACHABLE, "The client died")))

    def release_acks(self) -> None:
        """Send the PUBACKs that were held."""
        held, self._held = self._held, []
        for client, token in held:
            client.acknowledge(token)

    def attach(self, client: FakeBus, client_id: str, topics: Sequence[str]) -> bool:
        """A client connects and subscribes. False when the broker is away."""
        if client not in self._started:
            self._started.append(client)
        if not self._reachable:
            return False
        session = self._sessions.setdefault(client_id, _Session(topics))
        session.topics = topics
        session.client = client
        return True

    def subscribe(self, client_id: str, topics: Sequence[str]) -> None:
        """A client asks for these topics from now on, and for no others."""
        self._sessions[client_id].topics = topics

    def welcome(self, client_id: str) -> None:
        """What follows a SUBACK: the queue of the absent time, then all retained messages."""
        session = self._sessions[client_id]
        self._flush(session)
        for topic, payload in list(self.retained.items()):
            if any(matches(wanted, topic) for wanted in session.topics):
                session.queue.append((topic, payload, True))
        self._flush(session)

    def accept(self, client: FakeBus, message: Outgoing) -> None:
        """A client publishes."""
        self.published.append(message)
        self.publish(message.topic, message.payload, retain=message.retain)
        if self.hold_acks:
            self._held.append((client, message.token))
        else:
            client.acknowledge(message.token)

    def detach(self, client: FakeBus, client_id: str) -> None:
        """A client says goodbye: no will. Its session stays."""
        if client in self._started:
            self._started.remove(client)
        session = self._sessions.get(client_id)
        if session is not None and session.client is client:
            session.client = None

    def _lose_all(self, reason: str, *, wills: bool = False) -> None:
        # Wills and acknowledgements of a broker that is itself gone reach nobody.
        self._held.clear()
        lost = [session for session in self._sessions.values() if session.client is not None]
        for session in lost:
            client, session.client = session.client, None
            will = client.lose(Failure(Code.BUS_UNREACHABLE, reason)) if client is not None else None
            if wills:
                self._publish_will(will)

    def _publish_will(self, will: Outgoing | None) -> None:
        if will is not None:
            self.published.append(will)
            self.publish(will.topic, will.payload, retain=will.retain)

    def _flush(self, session: _Session) -> None:
        while session.client is not None and session.queue:
            # A client that dies while it takes a message in has not acknowledged it: it comes again.
            session.client.deliver(*session.queue[0])
            del session.queue[0]


class FakeBus:
    """Implements `ports.Bus` on a FakeBroker."""

    def __init__(self, broker: FakeBroker, client_id: str, topics: Sequence[str]) -> None:
        self.connected = False
        self._broker = broker
        self._client_id = client_id
        self._topics = tuple(topics)
        self._listener: BusListener | None = None
        self._ask_will: Callable[[], Outgoing] | None = None
        self._will: Outgoing | None = None

    def start(self, listener: BusListener, will: Callable[[], Outgoing]) -> None:
        self._listener = listener
        self._ask_will = will
        self.connect()

    def publish(self, message: Outgoing) -> bool:
        if self.connected:
            self._broker.accept(self, message)
            return True
        return False

    def resubscribe(self) -> None:
        if self.connected:
            self._broker.subscribe(self._client_id, self._topics)
            self._broker.welcome(self._client_id)

    def mute(self, topics: Sequence[str]) -> None:
        if self.connected:
            self._broker.subscribe(self._client_id, [each for each in self._topics if each not in topics])

    def stop(self, farewell: Outgoing | None) -> None:
        if farewell is not None:
            self.publish(farewell)
        self.connected = False
        self._broker.detach(self, self._client_id)

    def connect(self) -> None:
        """One connection attempt, as the broker's script lets it happen."""
        assert self._listener is not None
        assert self._ask_will is not None
        self._will = self._ask_will()
        if not self._broker.attach(self, self._client_id, self._topics):
            self._listener.disconnected(
                Failure(Code.BUS_UNREACHABLE, "Nothing listens at the broker's address")
            )
            return
        self.connected = True
        self._listener.connected(self._broker.protocol)
        self._broker.welcome(self._client_id)

    def lose(self, failure: Failure) -> Outgoing | None:
        """The connection breaks. Returns the will that the broker had been given."""
        assert self._listener is not None
        self.connected = False
        self._listener.disconnected(failure)
        return self._will

    def deliver(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - a queue's entry
        """A message arrives."""
        assert self._listener is not None
        self._listener.received(topic, payload[: limits.STATEMENT_BYTES + 1], retained=retained)

    def acknowledge(self, token: int) -> None:
        """A PUBACK arrives."""
        assert self._listener is not None
        if self.connected:
            self._listener.acknowledged(token)
