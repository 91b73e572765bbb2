"""A fleet that lives in a fake clock, and a broker in a dictionary: whole rollouts without I/O.

Hosts do what the statement on the channel lets them do: who is admitted activates after a while, and ends
well, badly, or never says another word. Everything that is announced is checked against what hosts truly did.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.fakes.publisher import FakeStore
from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.decisions import Decision
from tidegate_publisher.rollout.ports import View
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step, UpdateData, UpdateEvent
from tidegate_schemas.rollout import RolloutState, wave_of
from tidegate_schemas.statement import ChannelStatement
from tidegate_schemas.status import FollowStatus, HostStatus, Presence
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.fakes.clock import FakeClock
    from tests.fakes.publisher import FakeVerifier

TOPICS = Topics()
OS_STABLE = ("os", "stable")


class Killed(BaseException):
    """kill -9, at this very point."""


@dataclass
class SimHost:
    """One host.

    Attributes:
        name: its id.
        labels: its labels.
        way: what it comes to: `well`, `ill`, `silent` (after activation), `gone` (offline after activation).
        takes_s: how long an update takes, in seconds.
        online: whether it is connected.
    """

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    way: str = "well"
    takes_s: float = 60
    online: bool = True
    step: Step | None = None
    digest: str | None = None
    sequence: int = 1
    connection: int = 1

    @property
    def busy(self) -> bool:
        """Whether it is between activation and its end."""
        return self.step is Step.ACTIVATING


class Park:
    """See the module's docstring.

    Args:
        clock: everybody's.
        verifier: what hosts verify statements with.
        hosts: the fleet.

    Attributes:
        store: the broker's retained statements.
        announced: every statement that was on the channel, in order.
        watch: called with each of them, after hosts have heard it.
        ignores: hosts that wait: for a window, or a person.
    """

    def __init__(self, clock: FakeClock, verifier: FakeVerifier, hosts: Sequence[SimHost]) -> None:
        self.clock = clock
        self.hosts = {host.name: host for host in hosts}
        self.store = _Store(self)
        self.announced: list[ChannelStatement] = []
        self.watch: Callable[[ChannelStatement], None] = lambda _: None
        self.ignores: set[str] = set()
        self._verifier = verifier
        self._inbox: list[Message] = []
        self._agenda: list[tuple[datetime, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self.up = True
        clock.watch(self._set)

    def _set(self, by: timedelta) -> None:
        """The publisher's clock was set: hosts go on all the same."""
        self._agenda = [(moment + by, number, what) for moment, number, what in self._agenda]

    def at(self, moment: datetime, what: Callable[[], object]) -> None:
        """Do something at a moment."""
        heapq.heappush(self._agenda, (moment, next(self._numbers), what))

    def in_s(self, seconds: float, what: Callable[[], object]) -> None:
        """Do something so many seconds from now."""
        self.at(self.clock.now() + timedelta(seconds=seconds), what)

    def retained(self) -> list[Message]:
        """All that the broker sends to who subscribes."""
        found = [Message(TOPICS.channel(*OS_STABLE), one, retained=True) for one in self.store.held.values()]
        told = [self.status(host) for host in self.hosts.values()]
        told += [self.will(host) for host in self.hosts.values() if not host.online]
        return found + [Message(topic, payload, retained=True) for topic, payload in told]

    def status(self, host: SimHost) -> tuple[str, bytes]:
        """What a host said last of itself."""
        follow = FollowStatus(
            product="os",
            channel="stable",
            engine="embedded",
            state=host.step or "idle",
            sequence=host.sequence,
            target=host.digest,
            code=Code.HEALTH_FAILED if host.step is Step.ROLLED_BACK else None,
            reason="the till does not open" if host.step is Step.ROLLED_BACK else "",
        )
        status = HostStatus(
            host=host.name,
            presence=Presence.ONLINE,
            start=1,
            connection=host.connection,
            at=self.clock.now(),
            labels=host.labels,
            follows=(follow,),
        )
        return TOPICS.status(host.name), status.to_json()

    def will(self, host: SimHost) -> tuple[str, bytes]:
        """What the broker says of a host that vanished."""
        will = HostStatus(
            host=host.name,
            presence=Presence.OFFLINE,
            start=1,
            connection=host.connection,
            at=self.clock.now(),
        )
        return TOPICS.will(host.name), will.to_json()

    def heard(self, bundle: bytes) -> None:
        """A statement comes to the channel."""
        statement = self._verifier.verify(bundle, OS_STABLE).statement
        self.announced.append(statement)
        self._inbox.append(Message(TOPICS.channel(*OS_STABLE), bundle, retained=False))
        for host in self.hosts.values():
            self._tell(host, statement)
        self.watch(statement)

    def _tell(self, host: SimHost, statement: ChannelStatement) -> None:
        rollout = statement.predicate.rollout
        if not host.online or host.digest == statement.digest or rollout.state is not RolloutState.ACTIVE:
            return
        wave = wave_of(rollout, host.name, host.labels)
        if wave is None or not is_open(wave, self.clock.now()) or host.name in self.ignores:
            return
        host.digest, host.sequence = statement.digest, statement.predicate.sequence
        self._move(host, Step.ACTIVATING)
        if host.way == "gone":
            self.in_s(host.takes_s / 2, lambda: self.connect(host, online=False))
        elif host.way != "silent":
            step = Step.SUCCEEDED if host.way == "well" else Step.ROLLED_BACK
            self.in_s(host.takes_s, lambda: self._move(host, step))

    def _move(self, host: SimHost, step: Step) -> None:
        host.step = step
        data = UpdateData(
            product="os",
            channel="stable",
            step=step,
            sequence=host.sequence,
            digest=host.digest,
            attempt=1,
            code=Code.HEALTH_FAILED if step is Step.ROLLED_BACK else None,
            reason="the till does not open" if step is Step.ROLLED_BACK else "",
        )
        place = f"os/stable/{host.sequence}/1/{step}"
        event = UpdateEvent.told(host.name, place, data, self.clock.now())
        self._inbox.append(Message(TOPICS.events(host.name), event.to_json(), retained=False))
        topic, payload = self.status(host)
        self._inbox.append(Message(topic, payload, retained=False))

    def connect(self, host: SimHost, *, online: bool) -> None:
        """A host comes or goes; one that comes takes up what the channel holds."""
        host.online = online
        host.connection += online
        topic, payload = self.status(host) if online else self.will(host)
        self._inbox.append(Message(topic, payload, retained=False))
        for bundle in self.store.held.values() if online else ():
            self._tell(host, self._verifier.verify(bundle, OS_STABLE).statement)

    def say(self, topic: str, payload: bytes) -> None:
        """Somebody publishes anything."""
        self._inbox.append(Message(topic, payload, retained=False))

    def forget(self) -> None:
        """Nobody is subscribed: what was sent is gone."""
        self._inbox.clear()

    def take(self, seconds: float) -> list[Message]:
        """Let time pass until something comes, or for so many seconds."""
        end = self.clock.elapsed() + timedelta(seconds=seconds)
        while not self._inbox and self._agenda and self._agenda[0][0] <= self._moment(end):
            self._next()
        if not self._inbox:
            self._until(self._moment(end))
        found, self._inbox = self._inbox, []
        return found

    def _moment(self, elapsed: timedelta) -> datetime:
        """What the clock will show when so much time has passed, if nobody sets it."""
        return self.clock.now() + (elapsed - self.clock.elapsed())

    def _next(self) -> None:
        moment, _, what = heapq.heappop(self._agenda)
        self._until(moment)
        what()

    def _until(self, moment: datetime) -> None:
        if moment > self.clock.now():
            self.clock.advance(moment - self.clock.now())


class _Store(FakeStore):
    """ports.ChannelStore whose readers hear what is published."""

    def __init__(self, park: Park) -> None:
        super().__init__()
        self._park = park
        self.before_publish: Callable[[], object] = lambda: None

    def read(self, product: str, channel: str) -> bytes | None:
        """See ports.ChannelStore.read."""
        self._require_up()
        return super().read(product, channel)

    def publish(self, product: str, channel: str, bundle: bytes) -> None:
        """See ports.ChannelStore.publish."""
        self._require_up()
        meanwhile, self.before_publish = self.before_publish, lambda: None
        meanwhile()
        super().publish(product, channel, bundle)
        self._park.heard(bundle)

    def _require_up(self) -> None:
        if not self._park.up:
            raise TidegateError(Code.BUS_UNREACHABLE, "The broker does not answer")


class FakeEar:
    """rollout.ports.Ear in a park.

    Attributes:
        park: where.
        left: how often it hears until the process is killed; None is for ever.
        interrupted: how often it hears until somebody presses Ctrl-C, once; None is for ever.
    """

    def __init__(self, park: Park, left: int | None = None, interrupted: int | None = None) -> None:
        self.park = park
        self.left = left
        self.interrupted = interrupted
        self._retained: list[Message] = []

    def listen(self) -> None:
        """See Ear.listen."""
        self._require_up()
        self.park.forget()
        self._retained = self.park.retained()

    def hear(self, timeout_s: float) -> Sequence[Message]:
        """See Ear.hear."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed
        if self.interrupted is not None:
            self.interrupted -= 1
            if self.interrupted < 0:
                self.interrupted = None
                raise KeyboardInterrupt
        found, self._retained = self._retained, []
        if not found:
            found = self.park.take(timeout_s)
        self._require_up()
        return found

    def pause(self, seconds: float) -> None:
        """See Ear.pause."""
        end = self.park.clock.elapsed() + timedelta(seconds=max(seconds, 0.1))
        while (left := (end - self.park.clock.elapsed()).total_seconds()) > 0:
            self.park.take(left)

    def _require_up(self) -> None:
        if not self.park.up:
            raise TidegateError(Code.BUS_UNREACHABLE, "The connection is lost")


@dataclass
class RecordedTeller:
    """rollout.ports.Teller that remembers."""

    decisions: list[Decision] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    statements: list[ChannelStatement] = field(default_factory=list)

    def decided(self, decision: Decision, view: View) -> None:
        """See Teller.decided."""
        self.decisions.append(decision)
        self.views.append(view)

    def published(self, statement: ChannelStatement) -> None:
        """See Teller.published."""
        self.statements.append(statement)

    def note(self, text: str) -> None:
        """See Teller.note."""
        self.notes.append(text)
