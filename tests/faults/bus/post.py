"""A host's outbox on a real bus: the socket is real, the journal a fake, and the pauses are the test's."""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from tests.fakes.journal import FakeJournal
from tests.support.statements import an_event
from tidegate_agent.adapters.bus_paho import PahoBus
from tidegate_agent.model import Follow, Outgoing
from tidegate_agent.outbox import Outbox
from tidegate_agent.records import Change
from tidegate_wire.mqtt.backoff import Backoff
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from tidegate_agent.model import Failure, Protocol

FOLLOW: Final = Follow("os", "stable")
HOST: Final = "edge-1"
EVENTS: Final = f"tidegate/v1/hosts/{HOST}/events"
STATUS: Final = f"tidegate/v1/hosts/{HOST}/status"


class Post:
    """Implements `ports.BusListener`. The test's thread is the engine's: `until` runs what comes.

    Attributes:
        journal: holds the events `1` to `count`.
        bus: real.
        connections: how many were made.
        failures: why they ended, or were not made.
        pauses: what the outbox asked for; `outbox.try_again` is the test's to call.
    """

    def __init__(self, count: int, bus: PahoBus) -> None:
        self.journal = FakeJournal()
        self.bus = bus
        self.connections: list[Protocol] = []
        self.failures: list[Failure] = []
        self.pauses: list[timedelta] = []
        self.outbox = Outbox(self.journal, bus, EVENTS, self.pauses.append)
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.tell(1, count)

    def tell(self, first: int, last: int) -> None:
        """More events."""
        written = [an_event().model_copy(update={"id": str(number)}) for number in range(first, last + 1)]
        self.journal.commit(Change(FOLLOW, events=tuple(written)))

    def left(self) -> list[int]:
        """The tokens of what is not acknowledged."""
        return [letter.token for letter in self.journal.unsent(10_000)]

    def until(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Run what the bus says until a condition holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"timed out; left {self.left()}, {self.failures[-2:]}"
            with contextlib.suppress(queue.Empty):
                self._calls.get(timeout=0.05)()

    def drained(self) -> None:
        """Run until the broker has everything."""
        self.until(lambda: not self.left())

    def connected(self, protocol: Protocol) -> None:
        def call() -> None:
            self.connections.append(protocol)
            self.outbox.connected(protocol)
            self.outbox.pump()

        self._calls.put(call)

    def disconnected(self, failure: Failure) -> None:
        def call() -> None:
            self.failures.append(failure)
            self.outbox.disconnected()

        self._calls.put(call)

    def received(self, topic: str, payload: bytes, *, retained: bool = False) -> None: ...

    def acknowledged(self, token: int) -> None:
        self._calls.put(lambda: self.outbox.acknowledged(token))

    def refused(self, token: int) -> None:
        self._calls.put(lambda: self.outbox.refused(token))


class FastClock:
    """A monotonic clock that a test can push on; `PahoBus` and its conversations read it."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            return time.monotonic() + self._ahead

    def push(self, seconds: float) -> None:
        """Let so much time pass."""
        with self._lock:
            self._ahead += seconds


@contextlib.contextmanager
def posted(
    count: int, url: str, clock: Callable[[], float] = time.monotonic, **settings: Any
) -> Iterator[Post]:
    """A host with so many events, and a bus that has been started."""
    made = BusSettings(url=url, connect_timeout_s=5, **settings)
    # Loses no time, and in a test nobody is overrun by it.
    backoff = Backoff(random.Random(5).random, 0.01, 0.05)  # noqa: S311 - jitter is no secret
    bus = PahoBus(made, HOST, ["t"], backoff, monotonic=clock, shuffle=lambda _: None)
    post = Post(count, bus)
    bus.start(post, lambda: Outgoing(-1, STATUS, b"offline", retain=True))
    try:
        yield post
    finally:
        bus.stop(None)
