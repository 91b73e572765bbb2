"""One host with the real journal, the real image engine and the real verification, all on the test's thread.

Only what is outside of a host is a fake: broker, clock, timer, health, and the machine's reboot. The verifier
is the function that the confined child runs, called in this process.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.fakes.bus import FakeBroker, FakeBus
from tests.fakes.clock import FakeClock
from tests.fakes.guard import FakeBootGuard
from tests.fakes.health import FakeHealth
from tests.fakes.host import FakeHost
from tests.fakes.signatures import FakeImageSignatures
from tests.fakes.timer import FakeTimer
from tests.trust.releases import SIGNED
from tests.trust.snapshot import Snapshot, take_snapshot
from tests.trust.verifying import FOLLOW, verifier_with
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.admission import HostFacts, Policy
from tidegate_agent.engine import Engine
from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.machine.rules import Rules
from tidegate_agent.manners import Manners
from tidegate_agent.operations import Operations
from tidegate_agent.orders import Orders
from tidegate_agent.reporting import Profile
from tidegate_agent.surroundings import Followed, Surroundings
from tidegate_agent.warrant import Warrant
from tidegate_agent.windows import Schedule
from tidegate_schemas.status import Inventory
from tidegate_schemas.topics import Topics
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.trust.beliefs import Beliefs
    from tidegate_agent.ports import ImageEngine, Verifier
    from tidegate_schemas.events import UpdateEvent

TOPICS: Final = Topics()
HOST: Final = "edge-1"


@dataclass(frozen=True)
class Places:
    """Where a host keeps what it has, and where images come from."""

    folder: Path

    @property
    def journal(self) -> Path:
        """The database."""
        return self.folder / "state" / "journal.db"

    @property
    def store(self) -> Path:
        """The image store."""
        return self.folder / "store"

    @property
    def images(self) -> Path:
        """The OCI layout that every reference leads to."""
        return self.folder / "images"


def real_engine(places: Places) -> EmbeddedEngine:
    """The image engine of a host, to which every reference leads to the same images."""
    return EmbeddedEngine(places.store, lambda _: LayoutSource(places.images))


class Host:
    """A host from its start to `close`.

    Args:
        places: its disk; what is there from an earlier start is gone on with.
        beliefs: its trusted root and policy.
        now: what its clock says.
        engine: the image engine in place of the real one.
        verifier: the verifier in place of the one that has these beliefs.
    """

    def __init__(
        self,
        places: Places,
        beliefs: Beliefs,
        now: datetime = SIGNED,
        *,
        engine: ImageEngine | None = None,
        verifier: Verifier | None = None,
    ) -> None:
        self.places = places
        self._closed = False
        self.clock = FakeClock(now)
        self.broker = FakeBroker()
        self._journal = SqliteJournal(places.journal)
        self._timer = FakeTimer(self.clock)
        self._machine = FakeHost()
        self._queue: deque[Callable[[], None]] = deque()
        self.image = engine or real_engine(places)
        self._agent = self._start(verifier or verifier_with(beliefs))

    def hear(self, message: bytes) -> None:
        """A message comes from the broker; everything that follows from it is done."""
        self.broker.publish(TOPICS.channel(FOLLOW.product, FOLLOW.channel), message, retain=True)
        self._settle()

    def snapshot(self) -> Snapshot:
        """All that must not change."""
        return take_snapshot(self.places.journal, self.places.store)

    def events(self) -> list[UpdateEvent]:
        """The journal's events, oldest first."""
        return list(reversed(self._journal.history(1000)))

    def pardon(self, digest: str) -> None:
        """A person lifts a digest's quarantine, if there is one."""

        def lift() -> None:
            Orders(self._agent.followers[0]).pardon(digest)

        self._queue.append(lift)
        self._settle()

    def running(self) -> str | None:
        """The digest of the image that runs, as the engine tells it."""
        return self.image.status().current

    def version(self) -> bytes:
        """What the running application says that it is."""
        return (self.places.store / "current" / "rootfs" / "app" / "version").read_bytes()

    def close(self) -> None:
        """End the agent in order, and let go of the journal. Safe to repeat."""
        if not self._closed:
            self._closed = True
            self._agent.stop()
            self._settle()
            self._journal.close()

    def _settle(self) -> None:
        while self._queue:
            self._agent.guarded(self._queue.popleft())

    def _start(self, verifier: Verifier) -> Engine:
        inventory = Inventory(arch="amd64", kernel="6.1", os="Debian", agent="test")
        around = Surroundings(
            clock=self.clock,
            journal=self._journal,
            verifier=verifier,
            timer=self._timer,
            host=self._machine,
            profile=Profile(HostFacts(HOST, "amd64", {}), inventory, self._machine.boot_id()),
            policy=Policy(),
            manners=Manners(Schedule()),
            rules=Rules(),
            post=self._queue.append,
            verifying=self._queue.append,
            operating=self._queue.append,
            asking=self._queue.append,
            splay=lambda: timedelta(0),
        )
        warrant = Warrant(FOLLOW, verifier, self._journal)
        operations = Operations(
            engine=self.image,
            signatures=FakeImageSignatures(),
            warrant=warrant,
            health=FakeHealth(),
            host=self._machine,
            guard=FakeBootGuard(),
            arch="amd64",
        )
        topics = [TOPICS.channel(FOLLOW.product, FOLLOW.channel)]
        agent = Engine(
            [Followed(FOLLOW, "embedded", operations)], around, FakeBus(self.broker, HOST, topics), TOPICS
        )
        self._agent = agent
        agent.start()
        self._settle()
        return agent
