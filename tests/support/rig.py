"""The whole agent on fakes: one thread, no time but the fake clock's, every worker's call run in order.

`rig.settle()` runs what is queued until nothing is left; `rig.restart()` ends the agent as a power cut would
and starts a new one on the same journal and image engine.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tests.fakes.board import FakeBoard
from tests.fakes.bus import FakeBroker, FakeBus
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.guard import FakeBootGuard
from tests.fakes.health import FakeHealth
from tests.fakes.host import FakeHost
from tests.fakes.journal import FakeJournal
from tests.fakes.signatures import FakeImageSignatures
from tests.fakes.timer import FakeTimer
from tests.fakes.verifier import FakeVerifier
from tests.support.requests import a_request
from tests.support.statements import a_statement
from tests.support.updates import OLD
from tidegate_agent.admission import HostFacts, Policy
from tidegate_agent.control import Control
from tidegate_agent.downloads import Account, Budget, Downloads
from tidegate_agent.engine import Engine
from tidegate_agent.machine.rules import Rules
from tidegate_agent.manners import Manners
from tidegate_agent.model import Follow
from tidegate_agent.operations import Operations
from tidegate_agent.reporting import Profile
from tidegate_agent.surroundings import Followed, Surroundings
from tidegate_agent.trust_upkeep import Plan, TrustUpkeep
from tidegate_agent.warrant import Warrant
from tidegate_agent.windows import Schedule
from tidegate_schemas import events
from tidegate_schemas.events import Step
from tidegate_schemas.requests import Action
from tidegate_schemas.status import HostStatus, Inventory
from tidegate_schemas.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate_agent.follower import Follower
    from tidegate_agent.ports import Journal, Network, RebootLock, RootKeeper
    from tidegate_agent.requests import RequestPolicy
    from tidegate_schemas.events import UpdateEvent

FOLLOW: Final = Follow("os", "stable")
TOPICS: Final = Topics()
HOST: Final = "edge-1"
START: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Rig:
    """One host with one follow, and its broker."""

    def __init__(
        self,
        *,
        manners: Manners | None = None,
        journal: Journal | None = None,
        reboots: bool = False,
        follows: tuple[Follow, ...] = (FOLLOW,),
        requests: RequestPolicy | None = None,
        roots: RootKeeper | None = None,
        lock: RebootLock | None = None,
        lock_for_all: bool = False,
        network: Network | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.clock = FakeClock(START)
        self.broker = FakeBroker()
        self.journal: Journal = journal or FakeJournal()
        self.verifier = FakeVerifier()
        self.signatures = FakeImageSignatures()
        self.splay = timedelta(0)
        self.host = FakeHost()
        self.board = FakeBoard()
        self.guard = FakeBootGuard()
        self.healths = {follow: FakeHealth() for follow in follows}
        self.engines = {follow: FakeEngine(OLD, reboots=reboots) for follow in follows}
        self.layouts: dict[Follow, Path] = {}
        self.carried: dict[str, tuple[str, ...]] = {}
        self._requests = requests
        self._roots = roots
        self._lock = lock
        self._lock_for_all = lock_for_all
        self._network = network
        self._budget = budget
        self._manners = manners or Manners(Schedule())
        self._queue: deque[Callable[[], None]] = deque()
        self.equip()
        self.agent = self._start()

    def equip(self) -> None:
        """Replace parts before the first start, in rigs that want others."""

    @property
    def image(self) -> FakeEngine:
        """The image engine of the first follow."""
        return self.engines[FOLLOW]

    @property
    def health(self) -> FakeHealth:
        """The health of the first follow."""
        return self.healths[FOLLOW]

    @property
    def follower(self) -> Follower:
        """The first follow's shell."""
        return self.agent.followers[0]

    def announce(self, digest: str, *, follow: Follow = FOLLOW, settle: bool = True, **changes: Any) -> bytes:
        """Publish a genuine statement, retained; the message."""
        fields = {
            "product": follow.product,
            "channel": follow.channel,
            "issued_at": self.clock.now(),
            **changes,
        }
        message = self.verifier.sign(a_statement(digest, **fields).to_json())
        self.say(message, follow=follow, settle=settle)
        return message

    def say(self, message: bytes, *, follow: Follow = FOLLOW, settle: bool = True) -> None:
        """Publish anything on the channel's topic, retained."""
        self.broker.publish(TOPICS.channel(follow.product, follow.channel), message, retain=True)
        if settle:
            self.settle()

    def request(self, action: str, *, settle: bool = True, **changes: Any) -> bytes:
        """Send a genuine request; the message."""
        fields = {"issued_at": self.clock.now(), **changes}
        message = self.verifier.sign(a_request(Action(action), **fields).to_json())
        self.send(message, settle=settle)
        return message

    def send(self, message: bytes, *, settle: bool = True) -> None:
        """Publish anything on the host's requests topic."""
        self.broker.publish(TOPICS.requests(HOST), message)
        if settle:
            self.settle()

    def answers(self) -> list[UpdateEvent]:
        """The answers to requests, in order, redeliveries included."""
        return [event for event in self.events() if event.data.step is Step.ANSWERED]

    def step(self) -> bool:
        """Run the oldest queued call; False when there is none."""
        if not self._queue:
            return False
        self.agent.guarded(self._queue.popleft())
        return True

    def settle(self) -> None:
        """Run what is queued, until nothing is left."""
        while self.step():
            pass

    def post(self, call: Callable[[], None]) -> None:
        """Queue a call for the engine's thread."""
        self._queue.append(call)

    def verifying(self, call: Callable[[], None]) -> None:
        """Queue a call for the worker that verifies."""
        self.post(call)

    def operating(self, call: Callable[[], None]) -> None:
        """Queue a call for the worker that has images staged and activated."""
        self.post(call)

    def asking(self, call: Callable[[], None]) -> None:
        """Queue a call for the worker that asks programs and servers."""
        self.post(call)

    def advance(self, by: timedelta) -> None:
        """Let time pass, then run what that set off."""
        self.clock.advance(by)
        self.settle()

    def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        """A person's command on the host."""
        answers: list[dict[str, Any]] = []
        request = {"command": command, **arguments}
        self._queue.append(lambda: answers.append(Control(self.agent, self._bring).answer(request)))
        self.settle()
        return answers[0]

    def _bring(self, follow: Follow, layout: Path) -> None:
        self.layouts[follow] = layout

    def restart(self, *, boot: bool = False) -> None:
        """Power is cut and comes back; `boot` also boots the host."""
        self._timer.stop()
        self.broker.bury(self._bus)
        self._queue.clear()
        if boot:
            self.host.boot()
            self.clock.boot()
            for engine in self.engines.values():
                engine.reboot()
        self.agent = self._start()

    def events(self) -> list[UpdateEvent]:
        """What the broker was told, in order, redeliveries included."""
        topic = TOPICS.events(HOST)
        sent = [message for message in self.broker.published if message.topic == topic]
        return [events.decode(message.payload, message.properties) for message in sent]

    def steps(self) -> list[Step]:
        """The steps of the events, in order."""
        return [event.data.step for event in self.events()]

    def status(self) -> HostStatus:
        """The retained status."""
        return HostStatus.model_validate_json(self.broker.retained[TOPICS.status(HOST)])

    def _start(self) -> Engine:
        self._timer = FakeTimer(self.clock)
        self.downloads = Downloads(self._network, self._account())
        inventory = Inventory(arch="amd64", kernel="6.1", os="Debian", agent="test")
        around = self.around = Surroundings(
            clock=self.clock,
            journal=self.journal,
            verifier=self.verifier,
            timer=self._timer,
            host=self.host,
            profile=Profile(HostFacts(HOST, "amd64", {"site": "lab"}), inventory, self.host.boot_id()),
            policy=Policy(),
            manners=self._manners,
            rules=Rules(watch_downloads=self.downloads != Downloads()),
            post=self.post,
            verifying=self.verifying,
            operating=self.operating,
            asking=self.asking,
            splay=lambda: self.splay,
            requests=self._requests,
            lock=self._lock,
            lock_for_all=self._lock_for_all,
            downloads=self.downloads,
            board=self.board,
        )
        follows = [
            Followed(
                follow,
                "fake",
                Operations(
                    engine=self.engines[follow],
                    signatures=self.signatures,
                    warrant=Warrant(follow, self.verifier, self.journal),
                    health=self.healths[follow],
                    host=self.host,
                    guard=self.guard,
                    arch="amd64",
                    at_hand=lambda digest: self.carried.get(digest, ()),
                    account=self.downloads.account,
                    by_tool=True,
                ),
            )
            for follow in self.engines
        ]
        topics = [TOPICS.channel(follow.product, follow.channel) for follow in self.engines]
        if self._requests is not None:
            topics.append(TOPICS.requests(HOST))
        self._bus = FakeBus(self.broker, HOST, topics)
        agent = Engine(follows, around, self._bus, TOPICS, upkeep=self._upkeep(around))
        self.agent = agent
        agent.start()
        self.settle()
        return agent

    def _account(self) -> Account | None:
        if self._budget is None:
            return None

        def now() -> datetime:
            return self.around.latest_known()

        return Account(self.journal, now, self._budget)

    def _upkeep(self, around: Surroundings) -> TrustUpkeep | None:
        if self._roots is None:
            return None
        plan = Plan(timedelta(hours=6), timedelta(days=7), lambda: 0.5, self._queue.append)
        return TrustUpkeep(self._roots, around, plan)
